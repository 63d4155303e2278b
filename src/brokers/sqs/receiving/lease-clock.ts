import { uptime } from 'node:os'

/** A moment, to be asked how long ago it is. */
export interface Mark {
  readonly monotonicMs: number
  readonly bootSeconds: number
}

/** The time since boot comes in whole seconds on some systems. */
const RESOLUTION_MS = 1_000

export function markNow(): Mark {
  return { monotonicMs: performance.now(), bootSeconds: uptime() }
}

/**
 * How long ago a moment is, the sleep of the machine included: the monotonic clock stops in it, the wall clock may be
 * set, and the time since boot does neither.
 */
export function sinceMs({ monotonicMs, bootSeconds }: Mark): number {
  const monotonic = performance.now() - monotonicMs
  return Math.max(monotonic, (uptime() - bootSeconds) * 1_000 - RESOLUTION_MS)
}

export function earlier({ monotonicMs, bootSeconds }: Mark, ms: number): Mark {
  return { monotonicMs: monotonicMs - ms, bootSeconds: bootSeconds - ms / 1_000 }
}
