import type { FlowSourceRecord } from '../engine/engine-options.ts'
import type { FlowStore } from '../storage/flow-store.ts'
import { INJECTOR, type StoredFlow } from '../storage/records.ts'
import { JobFailure, JobNotFound } from './board-errors.ts'
import type { Job, JobDetails } from './job.ts'

interface ResumedFrom {
  readonly step: string
  /** These are changed. */
  readonly values: Readonly<Record<string, unknown>>
}

interface ResumableRun {
  readonly id: string
  /** What is stored with the new job that continues this run. */
  readonly details: JobDetails
}

/** The stored run that a conductor is to resume from a step. Throws where it has not begun, or has no such step. */
export async function runToResume(
  { name, store }: { readonly name: string; readonly store: FlowStore },
  run: Job | string,
  { step, values }: ResumedFrom,
): Promise<ResumableRun> {
  const [flowId, job] = typeof run === 'string' ? [run, undefined] : [run.flowId, run]
  const stored = await store.load(flowId)
  const known = job?.details ?? (stored && detailsOfRun(stored))
  if (stored === undefined || known === undefined)
    throw new JobNotFound(`board "${name}" has no run ${flowId}, or no conductor has begun it`)
  if (!stored.atoms.some((atom) => atom.name === step))
    throw new JobFailure(`the run ${stored.flow.id} has no step "${step}"`)
  const resumeWith = { ...known.resumeWith, ...values }
  return { id: stored.flow.id, details: { ...known, resumeFrom: step, resumeWith } }
}

/** Undefined for a run of an engine without a board. */
function detailsOfRun({ flow, atoms }: StoredFlow): JobDetails | undefined {
  const source = flow.meta.source as FlowSourceRecord | undefined // the engine wrote it
  if (source === undefined) return undefined
  const given = atoms.find(({ name }) => name === INJECTOR)?.results
  const store = (given ?? {}) as JobDetails['store'] // as above
  const { definition } = source
  return { flow: source.flow, store, ...(definition !== undefined && { definition }) }
}

/** A job that is posted again begins at its flow's first step, with the values that it was posted with. */
export function detailsOfNextRun({
  resumeFrom: _resumeFrom,
  resumeWith: _resumeWith,
  ...details
}: JobDetails): JobDetails {
  return details
}
