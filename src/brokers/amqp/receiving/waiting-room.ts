import { Deque } from '../../../async/deque.ts'

/** The server sends thousands of messages before it hears that fewer are wanted, of any length. */
const MOST_BYTES = 32 * 1024 * 1024

/** Deliveries that wait for room: one, or a few megabytes of bodies. */
export class WaitingRoom<Waiting extends { readonly received: { readonly content: Buffer } }> {
  readonly #waiting = new Deque<Waiting>()
  #bytes = 0

  get size(): number {
    return this.#waiting.size
  }

  /** Whether it may wait. */
  add(one: Waiting): boolean {
    const bytes = this.#bytes + one.received.content.length
    if (this.size > 0 && bytes > MOST_BYTES) return false
    this.#bytes = bytes
    this.#waiting.push(one)
    return true
  }

  next(): Waiting | undefined {
    const one = this.#waiting.shift()
    if (one !== undefined) this.#bytes -= one.received.content.length
    return one
  }

  takeAll(): readonly Waiting[] {
    this.#bytes = 0
    return this.#waiting.takeAll()
  }
}
