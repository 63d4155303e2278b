import type { Logger } from '../../logger.ts'

const EVERY_MS = 1_000

/** Says at once that messages are dropped, and then once a second how many: not a line for each. */
export class DropLog {
  readonly #log: Logger
  readonly #counts = new Map<string, number>()
  #saidAt = Number.NEGATIVE_INFINITY

  constructor(log: Logger) {
    this.#log = log
  }

  add(place: string): void {
    this.#counts.set(place, (this.#counts.get(place) ?? 0) + 1)
    if (performance.now() - this.#saidAt >= EVERY_MS) this.flush()
  }

  flush(): void {
    this.#saidAt = performance.now()
    for (const [place, dropped] of this.#counts) {
      this.#log.warn({ place, dropped }, 'messages dropped, as the queue was full')
    }
    this.#counts.clear()
  }
}
