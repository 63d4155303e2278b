import type { Command } from 'commander'
import { addFlowFiles } from './flow/files.ts'
import { addFlowJobs } from './flow/jobs.ts'
import { addFlowRun } from './flow/run.ts'

export function addFlow(program: Command): void {
  const flow = program
    .command('flow')
    .description('flows: check and draw flow files, run and post them, see and steer their jobs')
  addFlowFiles(flow)
  addFlowRun(flow)
  addFlowJobs(flow)
}
