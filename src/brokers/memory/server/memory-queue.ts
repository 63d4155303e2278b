import { startClockTimer, type Timer } from '../../../async/timer.ts'
import type { Queue } from '../../../protocol/routing/topology.ts'
import type { QueueDepth } from '../../broker.ts'
import type { DeathReason } from '../../dead-letters/death-history.ts'
import { Backlog } from './backlog.ts'
import { type QueueLimits, queueLimits, timeToLiveMs } from './queue-limits.ts'
import type { QueueEntry, StoredMessage } from './stored-message.ts'

/** Deliveries made in one turn of the event loop before others get theirs. */
const TURN = 256

// Taken once: a test that fakes time still gets its deliveries.
const nextTurn = setImmediate

export interface QueueConsumer {
  readonly hasRoom: boolean
  deliver(entry: QueueEntry): void
  queueDeleted(): void
}

interface QueueOwner {
  /** A message left the queue for good, unread. */
  readonly onDeath: (queue: MemoryQueue, stored: StoredMessage, reason: DeathReason) => void
  /** The last consumer has left. */
  readonly onUnused: (queue: MemoryQueue) => void
}

/** One queue: its backlog, its consumers in turn, and the time its messages have. */
export class MemoryQueue {
  readonly definition: Queue
  readonly limits: QueueLimits
  readonly #owner: QueueOwner
  readonly #backlog: Backlog
  #consumers: readonly QueueConsumer[] = []
  #nextConsumer = 0
  #position = 0
  #isTurnDue: boolean = false
  #expiry: { readonly at: number; readonly timer: Timer } | undefined

  constructor(definition: Queue, owner: QueueOwner) {
    this.definition = definition
    this.limits = queueLimits(definition)
    this.#owner = owner
    this.#backlog = new Backlog(this.limits.maxPriority)
  }

  get name(): string {
    return this.definition.name
  }

  get depth(): QueueDepth {
    this.#expireHead()
    return { messages: this.#backlog.size, consumers: this.#consumers.length }
  }

  enqueue(stored: StoredMessage): void {
    const ttlMs = timeToLiveMs(this.limits, stored.properties.expiration)
    if (ttlMs === 0 && !this.#isConsumerWaiting()) {
      this.#owner.onDeath(this, stored, 'expired')
      return
    }
    this.#position += 1
    this.#backlog.push({
      stored,
      position: this.#position,
      priority: stored.properties.priority ?? 0,
      // With no time at all it goes to the consumer that waits for it, or nowhere.
      expiresAt: ttlMs === 0 || ttlMs === Infinity ? Infinity : Date.now() + ttlMs,
      deliveries: 0,
    })
    this.wake()
  }

  putBack(entry: QueueEntry): void {
    this.#backlog.putBack(entry)
    this.wake()
  }

  take(): QueueEntry | undefined {
    this.#expireHead()
    const entry = this.#backlog.take()
    if (entry !== undefined) entry.deliveries += 1
    return entry
  }

  /** Rejected: off the queue for good. */
  bury(entry: QueueEntry): void {
    this.#owner.onDeath(this, entry.stored, 'rejected')
  }

  purge(): number {
    const { messages } = this.depth
    while (this.#backlog.take() !== undefined);
    this.#watchExpiry()
    return messages
  }

  addConsumer(consumer: QueueConsumer): void {
    this.#consumers = [...this.#consumers, consumer]
    this.wake()
  }

  removeConsumer(consumer: QueueConsumer): void {
    if (!this.#consumers.includes(consumer)) return
    this.#consumers = this.#consumers.filter((other) => other !== consumer)
    if (this.#consumers.length === 0) this.#owner.onUnused(this)
  }

  /** The queue was deleted. */
  close(): void {
    this.purge()
    const consumers = this.#consumers
    this.#consumers = []
    for (const consumer of consumers) consumer.queueDeleted()
  }

  /** Hands out what waits, never before the caller's own turn has ended. */
  wake(): void {
    this.#watchExpiry()
    if (this.#isTurnDue || this.#consumers.length === 0) return
    this.#isTurnDue = true
    nextTurn(() => {
      this.#isTurnDue = false
      this.#deliverTurn()
    })
  }

  #deliverTurn(): void {
    for (let delivered = 0; delivered < TURN; delivered += 1) {
      this.#expireHead()
      if (this.#backlog.size === 0) return
      const consumer = this.#takeTurn()
      const entry = consumer === undefined ? undefined : this.take()
      if (entry === undefined) return
      consumer?.deliver(entry)
    }
    this.wake()
  }

  #takeTurn(): QueueConsumer | undefined {
    const count = this.#consumers.length
    for (let step = 0; step < count; step += 1) {
      const consumer = this.#consumers[(this.#nextConsumer + step) % count]
      if (consumer?.hasRoom) {
        this.#nextConsumer = (this.#nextConsumer + step + 1) % count
        return consumer
      }
    }
    return undefined
  }

  #isConsumerWaiting(): boolean {
    return this.#backlog.size === 0 && this.#consumers.some((consumer) => consumer.hasRoom)
  }

  #expireHead(): void {
    for (;;) {
      const head = this.#backlog.peek()
      if (head === undefined || head.expiresAt > Date.now()) return
      this.#backlog.take()
      this.#owner.onDeath(this, head.stored, 'expired')
    }
  }

  // One timer a queue, for its first message: those behind it expire when they come to the front.
  #watchExpiry(): void {
    const expiresAt = this.#backlog.peek()?.expiresAt ?? Infinity
    if (this.#expiry !== undefined && this.#expiry.at <= expiresAt && expiresAt !== Infinity) return
    this.#expiry?.timer.clear()
    this.#expiry = undefined
    if (expiresAt === Infinity) return
    const timer = startClockTimer(expiresAt, () => this.#onExpiry()).unref()
    this.#expiry = { at: expiresAt, timer }
  }

  #onExpiry(): void {
    this.#expiry = undefined
    this.#expireHead()
    this.#watchExpiry()
  }
}
