import { sleep } from '../../async/sleep.ts'
import { encoded } from '../storage/encoding.ts'
import { JobNotFound } from './board-errors.ts'
import type { Job } from './job.ts'
import type { JobFilter, ListOptions } from './job-board.ts'

const LOOK_FOR_END_MS = 100
const LOOK_FOR_JOBS_MS = 1_000

/** What boards in PostgreSQL and in ZooKeeper share: searching for jobs, and waiting for them. */
export abstract class BaseBoard {
  abstract readonly name: string

  /** Highest priority first, then oldest. */
  abstract jobs(options?: ListOptions): Promise<Job[]>

  /** By the job's uuid or its flow's id. */
  abstract find(id: string): Promise<Job | undefined>

  /** Resolves when a job was posted or has become due, and at the latest after so long. */
  abstract waitForNews(withinMs: number, signal?: AbortSignal): Promise<void>

  abstract close(): Promise<void>

  async findOwner(id: string): Promise<string | null> {
    return (await this.find(id))?.owner ?? null
  }

  async search(filter: JobFilter): Promise<Job[]> {
    return (await this.jobs({ includeDelayed: true })).filter((job) => matches(job, filter))
  }

  /** Resolves with the jobs that have no owner, as soon as there is one. Throws JobNotFound when time is up. */
  async wait({ timeoutMs = 60_000 }: { readonly timeoutMs?: number } = {}): Promise<Job[]> {
    const until = Date.now() + timeoutMs
    for (;;) {
      const jobs = await this.jobs({ onlyUnclaimed: true })
      if (jobs.length > 0) return jobs
      if (Date.now() >= until)
        throw new JobNotFound(`board "${this.name}" had no job within ${timeoutMs} ms`)
      await this.waitForNews(Math.min(until - Date.now(), LOOK_FOR_JOBS_MS))
    }
  }

  /** Resolves once the job has been consumed or trashed; false when time is up. */
  async waitForJob(
    id: string,
    { timeoutMs = 60_000 }: { readonly timeoutMs?: number } = {},
  ): Promise<boolean> {
    const until = Date.now() + timeoutMs
    for (;;) {
      const job = await this.find(id)
      if (job === undefined || job.state === 'TRASHED') return true
      if (Date.now() >= until) return false
      await sleep(Math.min(LOOK_FOR_END_MS, until - Date.now()))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

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
