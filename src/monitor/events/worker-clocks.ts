import { type Logger, silentLogger } from '../../logger.ts'
import type { CeleryEvent } from '../../protocol/events/events.ts'
import { eventTimeMs } from './event-entry.ts'

interface KnownClock {
  /** Added to what the worker says, in whole seconds; 0 where its clock is right. */
  driftMs: number
  /** What it seems to be, and how often in a row. */
  suspectMs: number
  seen: number
  /** When it was looked at last. */
  receivedMs: number
}

/** From now on so many milliseconds are added to what a worker says; what it said lately was recorded with fewer. */
export interface ClockCorrection {
  readonly hostname: string
  readonly fromMs: number
  readonly toMs: number
  readonly foundAtMs: number
}

/** So much may a message be under way, or a clock be wrong, without being corrected. */
const TOLERANCE_MS = 5_000
/** A clock that is ahead cannot be taken for a message that was long under way. */
const AHEAD_MS = 2_000
/** Heartbeats that keep as late, look after look, do not come from a queue that lags: that one grows or shrinks. */
const APART_MS = 1_000
const JITTER_MS = 500
const LOOKS = 3
const MOST = 10_000
const DAY_MS = 86_400_000

/**
 * What the clocks of workers are wrong by, as their events show while they are sent: the times of a worker are corrected by
 * it before they are written. Of an event that waited for the monitor nothing can be measured, but what was before counts.
 */
export class WorkerClocks {
  readonly #clocks = new Map<string, KnownClock>()
  readonly #logger: Logger
  #corrections: ClockCorrection[] = []

  constructor(logger: Logger = silentLogger) {
    this.#logger = logger
  }

  /** What was measured before this monitor was started. */
  remember(hostname: string, driftMs: number): void {
    this.#clocks.set(hostname, { driftMs, suspectMs: 0, seen: 0, receivedMs: 0 })
  }

  /** When it happened, by the monitor's clock: not after it came. What no clock can have said is as old as its arrival. */
  timeOf(event: CeleryEvent, receivedAtMs: number): number {
    const eventMs = eventTimeMs(event)
    if (!isCredible(eventMs, receivedAtMs)) return receivedAtMs
    if (typeof event.hostname !== 'string') return Math.min(eventMs, receivedAtMs)
    const known = this.#clocks.get(event.hostname) ?? this.#add(event.hostname)
    if (event.type.startsWith('worker-')) {
      this.#measure(event.hostname, known, { behindMs: receivedAtMs - eventMs, receivedAtMs })
    }
    return Math.min(eventMs + known.driftMs, receivedAtMs)
  }

  /** In seconds: how far behind the clock of a worker is; null where it is right, as far as known. */
  driftSeconds(hostname: string): number | null {
    const driftMs = this.#clocks.get(hostname)?.driftMs ?? 0
    return driftMs === 0 ? null : driftMs / 1000
  }

  /** Of clocks that are behind, each once: of one that is ahead nothing was recorded wrong. */
  takeCorrections(): readonly ClockCorrection[] {
    const taken = this.#corrections
    this.#corrections = []
    return taken
  }

  #measure(
    hostname: string,
    known: KnownClock,
    { behindMs, receivedAtMs }: { readonly behindMs: number; readonly receivedAtMs: number },
  ): void {
    const isAhead = behindMs - known.driftMs < -AHEAD_MS
    if (isAhead && behindMs < -AHEAD_MS) {
      this.#correct(hostname, known, behindMs)
      return
    }
    if (receivedAtMs - known.receivedMs < APART_MS) return
    const isAsBefore = Math.abs(behindMs - known.suspectMs) < JITTER_MS
    Object.assign(known, {
      seen: isAsBefore ? known.seen + 1 : 1,
      suspectMs: behindMs,
      receivedMs: receivedAtMs,
    })
    const isWrong = isAhead || behindMs - known.driftMs > TOLERANCE_MS
    if (isWrong && known.seen >= LOOKS) this.#correct(hostname, known, behindMs)
  }

  #correct(hostname: string, known: KnownClock, behindMs: number): void {
    const fromMs = known.driftMs
    known.driftMs = Math.abs(behindMs) < AHEAD_MS ? 0 : Math.round(behindMs / 1000) * 1000
    if (known.driftMs > fromMs && this.#corrections.length < MOST)
      this.#corrections.push({ hostname, fromMs, toMs: known.driftMs, foundAtMs: Date.now() })
    const driftS = known.driftMs / 1000
    if (driftS === 0) this.#logger.info({ hostname }, 'the clock of a worker is right again')
    else
      this.#logger.warn(
        { hostname, driftS },
        'the clock of a worker is wrong by driftS seconds: its times are corrected, set its clock',
      )
  }

  #add(hostname: string): KnownClock {
    if (this.#clocks.size >= MOST) this.#clocks.clear()
    const clock = { driftMs: 0, suspectMs: 0, seen: 0, receivedMs: 0 }
    this.#clocks.set(hostname, clock)
    return clock
  }
}

/** Whether a clock can have said so: an event may have waited long, and no clock is a day ahead. */
export function isCredible(eventMs: number, receivedAtMs: number): boolean {
  const ageMs = receivedAtMs - eventMs
  return ageMs < 365 * DAY_MS && ageMs > -DAY_MS
}
