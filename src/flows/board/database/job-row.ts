import { decoded } from '../../storage/encoding.ts'
import { type Job, type JobDetails, priorityOf } from '../job.ts'

/** A job as the statements of the board answer it. */
export interface JobRow extends Omit<Job, 'details' | 'priority'> {
  readonly details: string
  readonly priority: number
  readonly epoch: number
}

export function jobOf({ epoch: _, details, priority, ...row }: JobRow): Job {
  return { ...row, priority: priorityOf(priority), details: decoded(details) as JobDetails }
}
