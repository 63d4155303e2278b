import { startTimer, type Timer } from '../async/timer.ts'
import { LeaseError } from '../errors.ts'

/** How long one holder may work, by its own clock, which never runs behind that of the server. */
export class LeaseTerm {
  readonly #name: string
  readonly #holdMs: number
  readonly #lost = new AbortController()
  #endsAt = 0
  #timer: Timer | undefined

  /** `sinceMs` is when the lease was asked for (performance.now): the server counts from later on. */
  constructor(name: string, { holdMs, sinceMs }: { holdMs: number; sinceMs: number }) {
    this.#name = name
    this.#holdMs = holdMs
    this.extend(sinceMs)
  }

  /** Also where a suspended process has not yet heard its timer. */
  get lost(): AbortSignal {
    if (this.#endsAt > 0 && performance.now() >= this.#endsAt) this.end()
    return this.#lost.signal
  }

  extend(sinceMs: number): void {
    this.check()
    this.#endsAt = sinceMs + this.#holdMs
    this.#timer?.clear()
    this.#timer = startTimer(this.#endsAt - performance.now(), () => this.end()).unref()
  }

  /** Throws LEASE_LOST once it is over. */
  check(): void {
    this.lost.throwIfAborted()
  }

  end(): void {
    this.#timer?.clear()
    this.#lost.abort(
      new LeaseError(
        `the lease "${this.#name}" is lost: it was held for ${this.#holdMs} ms, and not extended`,
      ),
    )
  }
}
