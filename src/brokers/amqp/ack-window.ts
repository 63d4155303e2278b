import type { Message as AmqpMessage, Channel } from 'amqplib'

const UNSETTLED = 0
const ACK_DUE = 1
const SETTLED = 2

const MOST_ACKS_DUE = 128

const nextTurn = setImmediate

/**
 * Settles the deliveries of one channel. Acks are gathered and sent together at the end of a turn of the event
 * loop: one for a whole run of delivery tags, single ones for those behind a delivery that is still open.
 */
export class AckWindow {
  readonly #channel: Channel
  readonly #mostDue: number
  #states: number[] = []
  #head = 0
  /** The delivery tag that the head of `#states` stands for. */
  #firstTag = 1
  #due = 0
  #isFlushDue: boolean = false
  #isOpen: boolean = true

  constructor(channel: Channel, prefetch: number) {
    this.#channel = channel
    // No more than half of what the consumer may hold waits for the end of the turn, so that it never starves.
    this.#mostDue = prefetch === 0 ? MOST_ACKS_DUE : Math.min(MOST_ACKS_DUE, (prefetch + 1) >> 1)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** A delivery has come; their tags count up from 1. */
  opened(tag: number): void {
    this.#states[this.#head + tag - this.#firstTag] = UNSETTLED
  }

  ack(tag: number): void {
    if (!this.#isOpen) return
    this.#states[this.#head + tag - this.#firstTag] = ACK_DUE
    this.#due += 1
    if (this.#due >= this.#mostDue) {
      this.flush()
    } else if (!this.#isFlushDue) {
      this.#isFlushDue = true
      nextTurn(() => {
        this.#isFlushDue = false
        this.flush()
      })
    }
  }

  nack(tag: number, requeue: boolean): void {
    if (!this.#isOpen) return
    this.#states[this.#head + tag - this.#firstTag] = SETTLED
    this.#send(() => this.#channel.nack(tagged(tag), false, requeue))
  }

  flush(): void {
    if (!this.#isOpen || this.#due === 0) return
    this.#flushRun()
    if (this.#due > 0) this.#flushRest()
    this.#compact()
  }

  /** The channel is gone: the broker has put back what was not settled. */
  close(): void {
    this.#isOpen = false
    this.#states = []
  }

  #flushRun(): void {
    const states = this.#states
    let lastTag = 0
    let head = this.#head
    let tag = this.#firstTag
    for (; head < states.length && states[head] !== UNSETTLED; head += 1, tag += 1) {
      if (states[head] !== ACK_DUE) continue
      lastTag = tag
      this.#due -= 1
    }
    this.#head = head
    this.#firstTag = tag
    if (lastTag > 0) this.#send(() => this.#channel.ack(tagged(lastTag), true))
  }

  #flushRest(): void {
    for (let at = this.#head; this.#due > 0 && at < this.#states.length; at += 1) {
      if (this.#states[at] !== ACK_DUE) continue
      this.#states[at] = SETTLED
      this.#due -= 1
      const tag = this.#firstTag + at - this.#head
      this.#send(() => this.#channel.ack(tagged(tag), false))
    }
  }

  #compact(): void {
    if (this.#head < 1024) return
    this.#states = this.#states.slice(this.#head)
    this.#head = 0
  }

  #send(frame: () => void): void {
    try {
      frame()
    } catch {
      // The channel ended this very moment, and its close event is on its way: nothing is left to settle.
      this.close()
    }
  }
}

/** amqplib reads nothing but the tag of the message it is to settle. */
function tagged(deliveryTag: number): AmqpMessage {
  return { fields: { deliveryTag } } as AmqpMessage
}
