/** A time to come, in parts that are added. */
export interface Span {
  readonly days?: number
  readonly hours?: number
  readonly minutes?: number
  readonly seconds?: number
}

/** The time by which messages with an eta are delivered. It stands still until it is moved. */
export class FakeClock {
  readonly #onMove: () => Promise<void>
  #movedMs = 0

  constructor(onMove: () => Promise<void>) {
    this.#onMove = onMove
  }

  get now(): Date {
    return new Date(Date.now() + this.#movedMs)
  }

  /** Moves on by so many seconds, or by parts; resolves once what is due by then has run. */
  async advance(span: number | Span): Promise<void> {
    this.#movedMs += typeof span === 'number' ? span * 1_000 : millisecondsOf(span)
    await this.#onMove()
  }

  /** Moves on to this time. */
  async advanceTo(time: Date): Promise<void> {
    await this.advance(Math.max(0, (time.getTime() - this.now.getTime()) / 1_000))
  }
}

function millisecondsOf({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Span): number {
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000
}
