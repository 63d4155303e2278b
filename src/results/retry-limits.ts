import { type Backoff, backoffDelayMs } from '../async/backoff.ts'
import type { Config } from '../config/config.ts'

/** The settings of a `Config` that say how long a result is tried to be stored. */
export type RetrySettings = Partial<
  Pick<
    Config,
    | 'result_backend_always_retry'
    | 'result_backend_base_sleep_between_retries_ms'
    | 'result_backend_max_retries'
    | 'result_backend_max_sleep_between_retries_ms'
  >
>

export interface RetryLimits {
  /** How long a save tries, while the backend is away. */
  readonly deadlineMs: number
  readonly backoff: Backoff
}

/** A day and more: as good as without end, and no timer is too short for it. */
const FOR_EVER_MS = 2 ** 31 - 1
const MOST_COUNTED = 10_000
/** Until a try that hangs counts as failed. */
const TRY_MS = 1_000

/**
 * What result_backend_always_retry asks for, https://docs.celeryq.dev/en/stable/userguide/configuration.html#result-backend-always-retry;
 * undefined where it is off: then a result is tried to be stored for half a minute.
 */
export function retryLimits(settings: RetrySettings): RetryLimits | undefined {
  if (settings.result_backend_always_retry !== true) return undefined
  const backoff: Backoff = {
    initialMs: settings.result_backend_base_sleep_between_retries_ms ?? 10,
    factor: 2,
    maxMs: settings.result_backend_max_sleep_between_retries_ms ?? 10_000,
    jitter: 0.5,
  }
  return { backoff, deadlineMs: deadlineOf(backoff, settings.result_backend_max_retries) }
}

/** The waits between that many tries, and the tries. */
function deadlineOf(backoff: Backoff, retries = Number.POSITIVE_INFINITY): number {
  if (!(retries < MOST_COUNTED)) return FOR_EVER_MS
  let waitsMs = 0
  for (let attempt = 1; attempt <= retries; attempt += 1) {
    waitsMs += backoffDelayMs(backoff, attempt, () => 0)
  }
  return Math.min(waitsMs + TRY_MS, FOR_EVER_MS)
}
