import type { Task } from '../atoms/task.ts'
import type { Flow } from '../patterns/flow.ts'
import { decoded } from '../storage/encoding.ts'
import { type Job, type JobDetails, priorityOf } from './job.ts'

/** A job as the statements of the board answer it. */
export interface JobRow extends Omit<Job, 'details' | 'priority'> {
  readonly details: string
  readonly priority: number
  readonly epoch: number
}

export function jobOf({ epoch: _, details, priority, ...row }: JobRow): Job {
  return { ...row, priority: priorityOf(priority), details: decoded(details) as JobDetails }
}

export function detailsOf(
  flow: Flow | Task | string | { readonly name: string; readonly definition: string },
  store: Readonly<Record<string, unknown>>,
): JobDetails {
  if (typeof flow === 'string') return { flow, store }
  if ('definition' in flow) return { flow: flow.name, store, definition: flow.definition }
  return { flow: flow.name, store, ...('version' in flow && { version: flow.version ?? null }) }
}
