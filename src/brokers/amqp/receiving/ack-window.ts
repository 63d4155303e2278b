import type { Message as AmqpMessage, Channel } from 'amqplib'

const MOST_ACKS_DUE = 128

const nextTurn = setImmediate

/**
 * Settles the deliveries of one channel. Acks are gathered and sent together at the end of a turn of the event
 * loop: one for a whole run of delivery tags, single ones for those behind a delivery that is still open.
 * Each ack costs the same, however many deliveries are open.
 */
export class AckWindow {
  readonly #channel: Channel
  #mostDue = 1
  /** From this tag on none is settled. Tags count up from 1. */
  #next = 1
  /** Those before it that are not settled: few, as most are settled in the order in which they came. */
  readonly #open = new Set<number>()
  /** Every tag below this one is settled, or its ack is due. */
  #lowestOpen = 1
  #due: number[] = []
  #isFlushDue: boolean = false
  #isOpen: boolean = true
  readonly #lost = new AbortController()

  constructor(channel: Channel, prefetch: number) {
    this.#channel = channel
    this.resize(prefetch)
  }

  /** No more than half of what the consumer may hold waits for the end of the turn, so that it never starves. */
  resize(prefetch: number): void {
    this.#mostDue = prefetch === 0 ? MOST_ACKS_DUE : Math.min(MOST_ACKS_DUE, (prefetch + 1) >> 1)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Aborted once the channel is gone. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  ack(tag: number): void {
    if (!this.#isOpen) return
    this.#settled(tag)
    this.#due.push(tag)
    if (this.#due.length >= this.#mostDue) {
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
    this.#settled(tag)
    this.#send(() => this.#channel.nack(tagged(tag), false, requeue))
  }

  flush(): void {
    if (!this.#isOpen || this.#due.length === 0) return
    const due = this.#due
    this.#due = []
    const lowestOpen = this.#findLowestOpen()
    let lastOfRun = 0
    for (const tag of due) {
      if (tag > lowestOpen) this.#send(() => this.#channel.ack(tagged(tag), false))
      else lastOfRun = Math.max(lastOfRun, tag)
    }
    if (lastOfRun > 0) this.#send(() => this.#channel.ack(tagged(lastOfRun), true))
  }

  /** The channel is gone: the broker has put back what was not settled. */
  close(): void {
    this.#isOpen = false
    this.#lost.abort(new Error('the channel is gone, the broker has its deliveries back'))
    this.#open.clear()
    this.#due = []
  }

  #settled(tag: number): void {
    if (tag < this.#next) {
      this.#open.delete(tag)
      return
    }
    for (; this.#next < tag; this.#next += 1) this.#open.add(this.#next)
    this.#next += 1
  }

  /** It only goes up, so that all the looks together pass each tag once. */
  #findLowestOpen(): number {
    while (this.#lowestOpen < this.#next && !this.#open.has(this.#lowestOpen)) {
      this.#lowestOpen += 1
    }
    return this.#lowestOpen
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
