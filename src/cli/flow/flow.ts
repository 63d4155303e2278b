import type { Command } from 'commander'
import { addFlowFiles } from './files.ts'
import { addFlowJobs } from './jobs.ts'
import { addFlowRun } from './run.ts'

export function addFlow(program: Command): void {
  const flow = program
    .command('flow')
    .description('flows: check and draw flow files, run and post them, see and steer their jobs')
  addFlowFiles(flow)
  addFlowRun(flow)
  addFlowJobs(flow)
}
