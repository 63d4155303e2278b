import { TaskError } from '../errors.ts'

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 }

const RATE = /^(\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?:\/([smh]))?$/i

/**
 * How many tasks of a kind may start in a second, from a rate limit in Celery's form; null where there is no limit.
 * https://docs.celeryq.dev/en/stable/userguide/tasks.html#Task.rate_limit
 */
export function parseRateLimit(limit: string | number | null | undefined): number | null {
  if (limit === null || limit === undefined || limit === '') return null
  const [, count, unit = 's'] = RATE.exec(String(limit)) ?? []
  const perSecond = Number(count) / (SECONDS[unit] ?? Number.NaN)
  if (!Number.isFinite(perSecond)) {
    throw new TaskError(
      'TASK_INVALID',
      `the rate limit is ${typeof limit === 'string' ? JSON.stringify(limit) : limit}, expected a number with /s, /m or /h such as "10/m", a number per second, or null`,
    )
  }
  return perSecond === 0 ? null : perSecond
}

/**
 * Lets tasks start at a rate, one at a time: what was not used is not saved up. As in Celery, of which workers have
 * a bucket for each kind of task.
 */
export class TokenBucket {
  readonly #intervalMs: number
  readonly #now: () => number
  #nextAt = Number.NEGATIVE_INFINITY

  /** `now` is a clock in milliseconds that never goes back. */
  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#intervalMs = 1_000 / perSecond
    this.#now = now
  }

  /** Whole milliseconds until `take()` will answer true; 0 where it would now. */
  expectedWaitMs(): number {
    return Math.ceil(Math.max(0, this.#nextAt - this.#now()))
  }

  /** Whether one may start now; if so, the next has to wait. */
  take(): boolean {
    const now = this.#now()
    if (now < this.#nextAt) return false
    this.#nextAt = now + this.#intervalMs
    return true
  }
}
