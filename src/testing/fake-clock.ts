/** A time to come, in parts that are added. */
export interface Span {
  readonly days?: number
  readonly hours?: number
  readonly minutes?: number
  readonly seconds?: number
}

/** What waits for the clock, and runs once the clock has come to its moment. */
interface WaitingForClock {
  /** The moment of what is due first, in ms since 1970; undefined where nothing waits. */
  nextDueMs(): number | undefined
  /** Runs what is due at the time of the clock, and what follows from it, to its end. */
  runDue(): Promise<void>
}

/** The time by which messages with an eta are delivered. It stands still until it is moved. */
export class FakeClock {
  readonly #waiting: WaitingForClock
  #movedMs = 0

  constructor(waiting: WaitingForClock) {
    this.#waiting = waiting
  }

  get now(): Date {
    return new Date(Date.now() + this.#movedMs)
  }

  /**
   * Moves on by so many seconds, or by parts, and stops at each moment at which something is due until that has run:
   * what it calls with a countdown of its own is due counted from there. Resolves once all has run that is due by then.
   */
  async advance(span: number | Span): Promise<void> {
    const spanMs = typeof span === 'number' ? span * 1_000 : millisecondsOf(span)
    await this.advanceTo(new Date(this.now.getTime() + spanMs))
  }

  /** Moves on to this time, as `advance` does; a time that has passed moves nothing. */
  async advanceTo(time: Date): Promise<void> {
    const endMs = time.getTime()
    for (;;) {
      const dueMs = this.#waiting.nextDueMs()
      if (dueMs === undefined || dueMs > Math.max(endMs, this.now.getTime())) break
      this.#moveTo(dueMs)
      await this.#waiting.runDue()
    }
    this.#moveTo(endMs)
    await this.#waiting.runDue()
  }

  #moveTo(timeMs: number): void {
    this.#movedMs = Math.max(this.#movedMs, timeMs - Date.now())
  }
}

function millisecondsOf({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Span): number {
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000
}
