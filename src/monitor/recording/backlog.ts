import { type Ingested, receivedAtMs, sizeOf } from './ingested.ts'

export interface BatchLimits {
  readonly messages: number
  readonly bytes: number
}

/** What waits to be written, and how much room it takes. */
export class Backlog {
  #waiting: Ingested[] = []
  #bytes = 0

  get size(): number {
    return this.#waiting.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** When the first of them came; null where none waits. */
  get oldestMs(): number | null {
    const [oldest] = this.#waiting
    return oldest === undefined ? null : receivedAtMs(oldest)
  }

  add(one: Ingested): void {
    this.#waiting.push(one)
    this.#bytes += sizeOf(one)
  }

  /** The next batch: what is there, up to the limits, and at least one. */
  take(limits: BatchLimits): readonly Ingested[] {
    let bytes = 0
    let count = 0
    for (const one of this.#waiting) {
      const more = bytes + sizeOf(one)
      if (count > 0 && (count >= limits.messages || more > limits.bytes)) break
      bytes = more
      count += 1
    }
    const batch = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    this.#bytes -= bytes
    return batch
  }
}
