import type { Delivery } from '../../brokers/broker.ts'
import type { FlowControl } from './flow-control.ts'

/** As many bytes of bodies are asked for at a time, by how long those before were. */
const WANTED_BYTES = 32 * 1024 * 1024
/** From here on messages stay in their queue until some of those in hand are written. */
const MOST_BYTES = 2 * WANTED_BYTES
/** So many are asked for before it is known how long they are. */
const FIRST_PREFETCH = 16
const GROWTH = 4
/** How many messages the mean of their lengths remembers: fewer where they grow, as what is too much is sent in vain. */
const REMEMBERED = { shorter: 64, longer: 12 }

/** The bodies of all deliveries that are not written: those that are being read, wait to be written, or are being written. */
export class InHand {
  readonly #flow: FlowControl
  #bytes = 0

  constructor(flow: FlowControl) {
    this.#flow = flow
  }

  take(delivery: Delivery): void {
    this.#bytes += delivery.message.body.length
    if (this.#bytes > MOST_BYTES) void this.#flow.hold('memory')
  }

  /** They are written. What is left is written meanwhile: consumers start again once RabbitMQ has answered. */
  give(deliveries: readonly Delivery[]): void {
    for (const { message } of deliveries) this.#bytes -= message.body.length
    if (this.#bytes <= MOST_BYTES / 2) void this.#flow.release('memory')
  }
}

/**
 * How many deliveries of a queue may be unsettled at a time. A broker counts messages, not bytes: seven thousand calls are a few
 * megabytes, or more than the memory of any machine.
 */
export class PrefetchByLength {
  readonly #most: number
  #prefetch: number
  #meanBytes = 0
  #seen = 0
  #sinceChange = 0

  constructor(most: number) {
    this.#most = most
    this.#prefetch = Math.min(FIRST_PREFETCH, most)
  }

  get prefetch(): number {
    return this.#prefetch
  }

  /** A message of so many bytes has come; whether the prefetch is another now. */
  note(bytes: number): boolean {
    this.#seen += 1
    this.#sinceChange += 1
    const remembered = bytes > this.#meanBytes ? REMEMBERED.longer : REMEMBERED.shorter
    this.#meanBytes += (bytes - this.#meanBytes) / Math.min(this.#seen, remembered)
    const wanted = this.#wanted
    const isLess = wanted <= this.#prefetch / 2
    const isMore = wanted > this.#prefetch && this.#sinceChange >= this.#prefetch
    if (!(isLess || isMore)) return false
    this.#prefetch = Math.min(wanted, GROWTH * this.#prefetch)
    this.#sinceChange = 0
    return true
  }

  get #wanted(): number {
    const byLength = Math.floor(WANTED_BYTES / Math.max(1, this.#meanBytes))
    return Math.min(this.#most, Math.max(1, byLength))
  }
}
