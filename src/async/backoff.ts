import { sleep } from './sleep.ts'

/** How long to wait between tries, as data. */
export interface Backoff {
  readonly initialMs: number
  readonly factor: number
  readonly maxMs: number
  /** The part of each delay that is left to chance, 0 to 1, so that many clients do not come back at once. */
  readonly jitter: number
}

interface RetryOptions {
  readonly backoff: Backoff
  readonly signal?: AbortSignal
  /** No try begins once this much time has passed. */
  readonly withinMs?: number
  /** Called for each failure that another try follows; throwing from here ends the tries. */
  readonly onFailure?: (failure: { cause: unknown; attempt: number; delayMs: number }) => void
}

/** The delay after the given failed attempt, the first being 1. */
export function backoffDelayMs(backoff: Backoff, attempt: number, random = Math.random): number {
  const fullMs = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** (attempt - 1))
  return Math.round(fullMs * (1 - backoff.jitter * random()))
}

/** Runs it until it succeeds; rejects with its last error when time is up, or with the signal's reason. */
export async function retry<T>(
  run: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const endsAt = performance.now() + (options.withinMs ?? Number.POSITIVE_INFINITY)
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted()
    try {
      return await run(attempt)
    } catch (cause) {
      const delayMs = backoffDelayMs(options.backoff, attempt)
      if (performance.now() + delayMs > endsAt) throw cause
      options.onFailure?.({ cause, attempt, delayMs })
      await sleep(delayMs, options.signal)
    }
  }
}
