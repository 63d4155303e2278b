import { Deque } from '../../async/deque.ts'
import { startTimer, type Timer } from '../../async/timer.ts'
import { parseRateLimit, TokenBucket } from '../../schedule/token-bucket.ts'

interface TaskLine<Job> {
  readonly bucket: TokenBucket
  waiting: Deque<Job>
  timer: Timer | undefined
}

/**
 * Lets tasks with a rate limit through one by one: a limit holds for one kind of task in one worker. What waits keeps its
 * delivery, as in Celery. https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.rate_limit
 */
export class RateLimits<Job> {
  readonly #lines = new Map<string, TaskLine<Job>>()
  readonly #letThrough: (job: Job) => void

  constructor(letThrough: (job: Job) => void) {
    this.#letThrough = letThrough
  }

  get waiting(): number {
    return [...this.#lines.values()].reduce((sum, { waiting }) => sum + waiting.size, 0)
  }

  get jobs(): readonly Job[] {
    return [...this.#lines.values()].flatMap(({ waiting }) => waiting.items)
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
  remove(matches: (job: Job) => boolean): readonly Job[] {
    return [...this.#lines.values()].flatMap((line) => {
      const waiting = line.waiting.takeAll()
      for (const job of waiting) if (!matches(job)) line.waiting.push(job)
      return waiting.filter(matches)
    })
  }

  /** Lets go of what waits of one task, whose limit has changed. */
  endLine(task: string): readonly Job[] {
    const line = this.#lines.get(task)
    if (line === undefined) return []
    line.timer?.clear()
    this.#lines.delete(task)
    return line.waiting.takeAll()
  }

  /** Lets go of all that wait, to be given back. */
  release(): readonly Job[] {
    const lines = [...this.#lines.values()]
    for (const line of lines) line.timer?.clear()
    this.#lines.clear()
    return lines.flatMap(({ waiting }) => waiting.takeAll())
  }

  #advance(line: TaskLine<Job>): void {
    line.timer = undefined
    while (line.waiting.size > 0 && line.bucket.take()) {
      const job = line.waiting.shift()
      if (job !== undefined) this.#letThrough(job)
    }
    if (line.waiting.size === 0) return
    line.timer = startTimer(line.bucket.expectedWaitMs(), () => this.#advance(line))
  }

  #lineOf(task: string, perSecond: number): TaskLine<Job> {
    let line = this.#lines.get(task)
    if (line === undefined) {
      line = { bucket: new TokenBucket(perSecond), waiting: new Deque(), timer: undefined }
      this.#lines.set(task, line)
    }
    return line
  }
}
