import type { CeleryEvent } from '../protocol/events/events.ts'

/** Events that wait to be sent: a bounded line, of which the oldest go first when it is full. */
export class EventQueue {
  readonly #most: number
  #waiting: CeleryEvent[] = []
  #dropped = 0

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#waiting.length
  }

  add(event: CeleryEvent): void {
    this.#waiting.push(event)
    this.#limit()
  }

  take(most: number): readonly CeleryEvent[] {
    return this.#waiting.splice(0, most)
  }

  /** What could not be sent goes back to where it was, whichever of several batches comes back first. */
  putBack(events: readonly CeleryEvent[]): void {
    this.#waiting = [...events, ...this.#waiting].toSorted(
      (one, other) => Number(one.clock) - Number(other.clock),
    )
    this.#limit()
  }

  /** How many were dropped since this was asked last. */
  takeDropped(): number {
    const dropped = this.#dropped
    this.#dropped = 0
    return dropped
  }

  /** Cut a tenth at a time: shifting a long list by one for each new event is slow. */
  #limit(): void {
    if (this.#waiting.length <= this.#most) return
    const kept = this.#waiting.slice(-Math.ceil(this.#most * 0.9))
    this.#dropped += this.#waiting.length - kept.length
    this.#waiting = kept
  }
}
