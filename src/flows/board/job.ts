import type { Task } from '../atoms/task.ts'
import type { Failure } from '../failures/failure.ts'
import type { Flow } from '../patterns/flow.ts'
import type { FlowWait } from '../waits/flow-wait.ts'

export const PRIORITIES = ['VERY_LOW', 'LOW', 'NORMAL', 'HIGH', 'VERY_HIGH'] as const
export type Priority = (typeof PRIORITIES)[number]

type JobState = 'UNCLAIMED' | 'CLAIMED' | 'COMPLETE' | 'TRASHED'

/** A flow that is to be run by some conductor. */
export interface Job {
  readonly uuid: string
  readonly name: string
  readonly flowId: string
  readonly priority: Priority
  readonly state: JobState
  readonly details: JobDetails
  readonly owner: string | null
  /** Runs that failed for other reasons than the flow's own. */
  readonly attempts: number
  /** Not before; null where it waits for a signal alone. */
  readonly runAt: Date | null
  readonly schedule: string | null
  /** It is kept from conductors until it is resumed. */
  readonly isHeld: boolean
  readonly createdOn: Date
  readonly lastModified: Date
}

export interface JobDetails {
  /** The name under which conductors know the flow. */
  readonly flow: string
  readonly version?: string | null
  readonly store: Readonly<Record<string, unknown>>
  /** The text of a flow file, which any conductor can run. */
  readonly definition?: string
  /** The engine resumes the run from this step: it and all after it run again. */
  readonly resumeFrom?: string
  /** Values for the run that resumes, over those it had; the next run of a scheduled job has those of `store` again. */
  readonly resumeWith?: Readonly<Record<string, unknown>>
}

/** What a job that is posted says of its flow. */
export function detailsOf(
  flow: Flow | Task | string | { readonly name: string; readonly definition: string },
  store: Readonly<Record<string, unknown>>,
): JobDetails {
  if (typeof flow === 'string') return { flow, store }
  if ('definition' in flow) return { flow: flow.name, store, definition: flow.definition }
  return { flow: flow.name, store, ...('version' in flow && { version: flow.version ?? null }) }
}

export interface PostOptions {
  readonly priority?: Priority
  /** Wait so long before the first run. */
  readonly delayMs?: number
  readonly runAt?: Date
  /** Five fields of cron, in UTC: the job is posted again after each run. */
  readonly schedule?: string
  readonly flowId?: string
  /** Default: the flow's name. */
  readonly name?: string
}

/** A job in the hands of an owner, until its lease ends. */
export interface Claim {
  readonly job: Job
  /** Writes of the run carry it: of two owners the later wins. */
  readonly epoch: number
  /** Aborted when the job may belong to another. */
  readonly lost: AbortSignal
  /** Aborted when the run is to be suspended. */
  readonly held: AbortSignal
  /** The job is done; a scheduled one is posted again. */
  consume(): Promise<void>
  /** Others may have it. `failure` says why the run could not be made, and counts. */
  abandon(failure?: Failure): Promise<void>
  /** Others may have it once this has come. */
  release(wait: FlowWait): Promise<void>
  /** It is put aside, with the reason. */
  trash(failure?: Failure): Promise<void>
}

export function rankOf(priority: Priority): number {
  return PRIORITIES.indexOf(priority) - 2
}

export function priorityOf(rank: number): Priority {
  return PRIORITIES[rank + 2] ?? 'NORMAL'
}
