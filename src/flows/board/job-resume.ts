import type { FlowSourceRecord } from '../engine/engine.ts'
import type { FlowStore } from '../storage/flow-store.ts'
import { JobFailure, JobNotFound } from './board-errors.ts'
import type { Job } from './job.ts'

interface ResumableRun {
  readonly id: string
  /** How its flow is made. */
  readonly source: FlowSourceRecord
}

/** The stored run that is to go on from a step. Throws where it has not begun, or has no such step. */
export async function runToResume(
  { name, store }: { readonly name: string; readonly store: FlowStore },
  run: Job | string,
  step: string,
): Promise<ResumableRun> {
  const [flowId, job] = typeof run === 'string' ? [run, undefined] : [run.flowId, run]
  const stored = await store.load(flowId)
  const source = job?.details ?? (stored?.flow.meta.source as FlowSourceRecord | undefined) // the engine wrote it
  if (stored === undefined || source === undefined)
    throw new JobNotFound(`board "${name}" knows no run ${flowId} that a conductor has begun`)
  if (!stored.atoms.some((atom) => atom.name === step))
    throw new JobFailure(`the run ${stored.flow.id} has no step "${step}"`)
  return { id: stored.flow.id, source }
}
