const QUIET_MS = 60_000

/** Something that is said once a minute at the most, with the number of times it was left out. */
export class Rare {
  #saidAt = Number.NEGATIVE_INFINITY
  #leftOut = 0

  say(write: (more: { readonly leftOut?: number }) => void): void {
    const now = performance.now()
    if (now - this.#saidAt < QUIET_MS) {
      this.#leftOut += 1
      return
    }
    write(this.#leftOut === 0 ? {} : { leftOut: this.#leftOut })
    this.#saidAt = now
    this.#leftOut = 0
  }
}
