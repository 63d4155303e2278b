/** Lamport's clock: says of what is sent and heard what came first, where the clocks on the walls differ. */
export class LamportClock {
  #value = 0

  get value(): number {
    return this.#value
  }

  /** The time of something that is sent now. */
  forward(): number {
    this.#value += 1
    return this.#value
  }

  /** Something was heard that was sent at this time. */
  adjust(seen: number): void {
    this.#value = Math.max(this.#value, seen) + 1
  }
}
