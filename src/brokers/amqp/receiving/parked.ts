import { startTimer, type Timer } from '../../../async/timer.ts'

/** What goes back to its queue later. Where its channel ends before, the server puts it back. */
export class Parked {
  readonly #timers = new Set<Timer>()
  readonly #onChange: () => void

  constructor(onChange: () => void = () => undefined) {
    this.#onChange = onChange
  }

  get size(): number {
    return this.#timers.size
  }

  readonly park = (delayMs: number, putBack: () => void): void => {
    const timer = startTimer(delayMs, () => {
      this.#timers.delete(timer)
      putBack()
      this.#onChange()
    })
    this.#timers.add(timer)
    this.#onChange()
  }

  clear(): void {
    for (const timer of this.#timers) timer.clear()
    this.#timers.clear()
  }
}
