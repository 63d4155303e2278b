import { type Logger, silentLogger } from '../../logger.ts'
import type { CeleryEvent } from '../../protocol/events.ts'
import { eventTimeMs } from './event-entry.ts'

interface KnownClock {
  /** Added to what the worker says, in whole seconds; 0 where its clock is right. */
  driftMs: number
  /** Its last event that was told apart from the one before. */
  toldMs: number
  receivedMs: number
}

/** So much may a message be under way, or a clock be wrong, without being corrected. */
const TOLERANCE_MS = 5_000
/** A clock that is ahead cannot be taken for a message that was long under way. */
const AHEAD_MS = 2_000
/** Events that come one by one, as long after one another as they were sent, do not come from a queue that lags. */
const APART_MS = 1_000
const JITTER_MS = 500
const MOST = 10_000
const DAY_MS = 86_400_000

/**
 * What the clocks of workers are wrong by, as their events show while they are sent: the times of a worker are corrected by
 * it before they are written. Of an event that waited for the monitor nothing can be measured, but what was before counts.
 */
export class WorkerClocks {
  readonly #clocks = new Map<string, KnownClock>()
  readonly #logger: Logger

  constructor(logger: Logger = silentLogger) {
    this.#logger = logger
  }

  /** What was measured before this monitor was started. */
  remember(hostname: string, driftMs: number): void {
    this.#clocks.set(hostname, { driftMs, toldMs: 0, receivedMs: 0 })
  }

  /** When it happened, by the monitor's clock; what no clock can have said is as old as its arrival. */
  timeOf(event: CeleryEvent, receivedAtMs: number): number {
    const toldMs = eventTimeMs(event)
    if (!isCredible(toldMs, receivedAtMs)) return receivedAtMs
    if (typeof event.hostname !== 'string') return toldMs
    return toldMs + this.#measured(event.hostname, toldMs, receivedAtMs)
  }

  /** In seconds: how far behind the clock of a worker is; null where it is right, as far as known. */
  driftSeconds(hostname: string): number | null {
    const driftMs = this.#clocks.get(hostname)?.driftMs ?? 0
    return driftMs === 0 ? null : driftMs / 1000
  }

  #measured(hostname: string, toldMs: number, receivedMs: number): number {
    const known = this.#clocks.get(hostname) ?? this.#add(hostname)
    const behindMs = receivedMs - toldMs
    const isAhead = behindMs - known.driftMs < -AHEAD_MS
    const isWrong = isAhead || behindMs - known.driftMs > TOLERANCE_MS
    const apartMs = receivedMs - known.receivedMs
    const isLive = Math.abs(apartMs - (toldMs - known.toldMs)) < JITTER_MS
    if (isWrong && (isAhead || (apartMs >= APART_MS && isLive))) {
      this.#correct(hostname, known, behindMs)
    }
    if (apartMs >= APART_MS) Object.assign(known, { toldMs, receivedMs })
    return known.driftMs
  }

  #correct(hostname: string, known: KnownClock, behindMs: number): void {
    known.driftMs = Math.abs(behindMs) < AHEAD_MS ? 0 : Math.round(behindMs / 1000) * 1000
    const driftS = known.driftMs / 1000
    if (driftS === 0) this.#logger.info({ hostname }, 'the clock of a worker is right again')
    else
      this.#logger.warn(
        { hostname, driftS },
        'the clock of a worker is wrong by so many seconds: its times are corrected, set its clock',
      )
  }

  #add(hostname: string): KnownClock {
    if (this.#clocks.size >= MOST) this.#clocks.clear()
    const clock = { driftMs: 0, toldMs: 0, receivedMs: 0 }
    this.#clocks.set(hostname, clock)
    return clock
  }
}

/** Whether a clock can have said so: an event may have waited for days, and no clock is a day ahead. */
export function isCredible(toldMs: number, receivedAtMs: number): boolean {
  const ageMs = receivedAtMs - toldMs
  return ageMs < 7 * DAY_MS && ageMs > -DAY_MS
}
