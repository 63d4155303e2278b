import { encoded } from '../storage/encoding.ts'
import { JobNotFound } from './board-errors.ts'
import type { Job } from './job.ts'
import type { JobFilter, ListOptions } from './job-board.ts'

/** Whether the job is one of those that are searched for: values of its store are compared as they are stored. */
export function matches(job: Job, { flow, store = {}, exclude = [] }: JobFilter): boolean {
  return (
    (flow === undefined || job.details.flow === flow) &&
    !exclude.includes(job.uuid) &&
    Object.entries(store).every(
      ([key, value]) => encoded(job.details.store[key]) === encoded(value),
    )
  )
}

interface SearchedBoard {
  readonly name: string
  jobs(options: ListOptions): Promise<Job[]>
  waitForNews(withinMs: number): Promise<void>
}

const POLL_MS = 1_000

/** Resolves with the jobs that have no owner, as soon as there is one. Throws JobNotFound when time is up. */
export async function waitForJobs(board: SearchedBoard, timeoutMs: number): Promise<Job[]> {
  const until = Date.now() + timeoutMs
  for (;;) {
    const jobs = await board.jobs({ onlyUnclaimed: true })
    if (jobs.length > 0) return jobs
    if (Date.now() >= until)
      throw new JobNotFound(`board "${board.name}" had no job within ${timeoutMs} ms`)
    await board.waitForNews(Math.min(until - Date.now(), POLL_MS))
  }
}
