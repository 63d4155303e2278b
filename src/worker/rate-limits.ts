import { parseRateLimit, TokenBucket } from '../schedule/token-bucket.ts'

interface Line<Job> {
  readonly bucket: TokenBucket
  readonly waiting: Job[]
  timer: NodeJS.Timeout | undefined
}

/**
 * Lets tasks with a rate limit through one by one: a limit holds for one kind of task in one worker. What waits keeps its
 * delivery, as in Celery. https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.rate_limit
 */
export class RateLimits<Job> {
  readonly #lines = new Map<string, Line<Job>>()
  readonly #letThrough: (job: Job) => void

  constructor(letThrough: (job: Job) => void) {
    this.#letThrough = letThrough
  }

  /** Lets the job through now or when its turn comes. Throws `TaskError` where the limit is none. */
  admit(job: Job, task: string, limit: string | number | null | undefined): void {
    const perSecond = parseRateLimit(limit)
    if (perSecond === null) {
      this.#letThrough(job)
      return
    }
    const line = this.#lineOf(task, perSecond)
    line.waiting.push(job)
    if (line.timer === undefined) this.#advance(line)
  }

  /** Lets go of those that wait. */
  remove(isMeant: (job: Job) => boolean): readonly Job[] {
    return [...this.#lines.values()].flatMap((line) => {
      const removed = line.waiting.filter(isMeant)
      if (removed.length > 0) {
        line.waiting.splice(0, line.waiting.length, ...line.waiting.filter((job) => !isMeant(job)))
      }
      return removed
    })
  }

  /** Lets go of what waits of one task, whose limit has changed. */
  endLine(task: string): readonly Job[] {
    const line = this.#lines.get(task)
    if (line === undefined) return []
    clearTimeout(line.timer)
    this.#lines.delete(task)
    return line.waiting
  }

  /** Lets go of all that wait, to be given back. */
  release(): readonly Job[] {
    const lines = [...this.#lines.values()]
    for (const line of lines) clearTimeout(line.timer)
    this.#lines.clear()
    return lines.flatMap(({ waiting }) => waiting)
  }

  #advance(line: Line<Job>): void {
    line.timer = undefined
    while (line.waiting.length > 0 && line.bucket.take()) {
      const job = line.waiting.shift()
      if (job !== undefined) this.#letThrough(job)
    }
    if (line.waiting.length === 0) return
    line.timer = setTimeout(() => this.#advance(line), line.bucket.expectedWaitMs())
  }

  #lineOf(task: string, perSecond: number): Line<Job> {
    let line = this.#lines.get(task)
    if (line === undefined) {
      line = { bucket: new TokenBucket(perSecond), waiting: [], timer: undefined }
      this.#lines.set(task, line)
    }
    return line
  }
}
