import { startTimer, type Timer } from '../../../async/timer.ts'
import type { Message, Route } from '../../../protocol/message.ts'
import type { Delivery, RequeueOptions } from '../../broker.ts'
import { deliverySettled } from '../../broker-errors.ts'
import type { MemoryQueue } from '../server/memory-queue.ts'
import { loadMessage, type QueueEntry } from '../server/stored-message.ts'

const DONE = Promise.resolve()

/** The deliveries that consumers hold unsettled. */
export class HeldDeliveries {
  readonly #held = new Set<MemoryDelivery>()
  readonly #parked = new Map<MemoryDelivery, Timer>()
  readonly #onRoom: () => void

  constructor(onRoom: () => void = () => undefined) {
    this.#onRoom = onRoom
  }

  get size(): number {
    return this.#held.size
  }

  hold(queue: MemoryQueue, entry: QueueEntry): MemoryDelivery {
    const delivery = new MemoryDelivery(queue, entry, this)
    this.#held.add(delivery)
    return delivery
  }

  has(delivery: MemoryDelivery): boolean {
    return this.#held.has(delivery)
  }

  /** Puts it back later; it takes no room meanwhile. */
  park(delivery: MemoryDelivery, delayMs: number): void {
    const timer = startTimer(delayMs, () => {
      this.#parked.delete(delivery)
      delivery.giveBack()
    })
    this.#parked.set(delivery, timer)
  }

  /** False where it is held no longer: it went back to its queue already. */
  release(delivery: MemoryDelivery): boolean {
    const wasHeld = this.#held.delete(delivery)
    if (wasHeld) this.#onRoom()
    return wasHeld
  }

  /** Lets go of them all: their queue is gone. */
  forget(): void {
    for (const timer of this.#parked.values()) timer.clear()
    this.#parked.clear()
    const held = [...this.#held]
    this.#held.clear()
    for (const delivery of held) delivery.takenBack()
  }

  /** Puts all of them back, as a broker does when a consumer is gone. */
  giveBack(): void {
    // Latest first: each then goes to the front of what was put back before.
    const held = [...this.#parked.keys(), ...this.#held].reverse()
    this.forget()
    for (const delivery of held) delivery.giveBack()
  }
}

class MemoryDelivery implements Delivery {
  readonly message: Message
  readonly attempt: number
  readonly #queue: MemoryQueue
  readonly #entry: QueueEntry
  readonly #holder: HeldDeliveries
  #isSettled: boolean = false
  #lost: AbortController | undefined

  constructor(queue: MemoryQueue, entry: QueueEntry, holder: HeldDeliveries) {
    this.message = loadMessage(entry.stored)
    this.attempt = entry.deliveries
    this.#queue = queue
    this.#entry = entry
    this.#holder = holder
  }

  get queue(): string {
    return this.#queue.name
  }

  get route(): Route {
    return this.#entry.stored.route
  }

  get redelivered(): boolean {
    return this.attempt > 1
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  ack(): Promise<void> {
    return this.#settle(() => undefined)
  }

  get isLost(): boolean {
    return !this.#isSettled && !this.#holder.has(this)
  }

  get lost(): AbortSignal {
    this.#lost ??= new AbortController()
    if (this.isLost) this.takenBack()
    return this.#lost.signal
  }

  /** The queue has it back, or is gone. */
  takenBack(): void {
    this.#lost?.abort(new Error('the broker has taken the delivery back'))
  }

  requeue({ delayMs = 0 }: RequeueOptions = {}): Promise<void> {
    return this.#settle(() => {
      if (delayMs > 0) this.#holder.park(this, delayMs)
      else this.giveBack()
    })
  }

  reject(): Promise<void> {
    return this.#settle(() => this.#queue.bury(this.#entry))
  }

  extend(_ms: number): Promise<void> {
    return DONE
  }

  giveBack(): void {
    this.#queue.putBack(this.#entry)
  }

  #settle(how: () => void): Promise<void> {
    if (this.#isSettled) return Promise.reject(deliverySettled(this.queue))
    this.#isSettled = true
    if (this.#holder.release(this)) how()
    return DONE
  }
}
