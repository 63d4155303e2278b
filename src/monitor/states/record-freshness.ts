import type { ObservedQueues } from '../evidence/observed-queues.ts'

/** A monitor at work reads as many in a moment. */
const MOST_LAG = 1000

/** Whether the record keeps up with what happens: judged by a stale record, a healthy task would look lost. */
export class RecordFreshness {
  readonly #queues: ObservedQueues
  /** The queues by which the record learns. */
  readonly #sources: readonly string[]
  /** Since when the record has kept up with what happens. */
  #freshSinceMs: number | null = null
  #lookedAtMs = 0

  constructor(queues: ObservedQueues, sources: readonly string[]) {
    this.#queues = queues
    this.#sources = sources
  }

  /** Looks at these queues and the sources. */
  async look(queues: readonly string[]): Promise<void> {
    try {
      await this.#queues.look(new Set([...queues, ...this.#sources]))
    } catch (cause) {
      this.#freshSinceMs = null
      throw cause
    }
    const keepUp = this.#sources.every((queue) => {
      const observed = this.#queues.get(queue)
      return observed !== undefined && observed.consumers !== 0 && observed.messages <= MOST_LAG
    })
    this.#lookedAtMs = Date.now()
    this.#freshSinceMs = keepUp ? (this.#freshSinceMs ?? this.#lookedAtMs) : null
  }

  /** By the last look. */
  hasBeenFor(ms: number): boolean {
    return this.#freshSinceMs !== null && this.#lookedAtMs - this.#freshSinceMs >= ms
  }
}
