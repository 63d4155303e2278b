import { randomUUID } from 'node:crypto'
import type { Broker, Delivery, Subscription } from '../../brokers/broker.ts'
import { TransportError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { Message } from '../../protocol/message.ts'
import type { Parcel } from './parcel.ts'
import type { OpenSubscription, Settlement, SubscriptionPlan } from './subscription.ts'

type BuryReason = 'rejected' | 'delivery_limit'

/** So long what could not be buried rests. */
const AGAIN_MS = 1_000

interface BrokerSubscriptionParts {
  readonly plan: SubscriptionPlan
  readonly queue: string
  /** How often a message is delivered again before it is buried. */
  readonly limit: number
  readonly log: Logger
  readonly send: (parcels: readonly Parcel[]) => Promise<void>
  /** Takes a message off its queue, to the dead letters. */
  readonly bury: (delivery: Delivery, reason: BuryReason) => Promise<void>
}

/** A subscription of a transport that stands on a Broker: it has no transactions, and counts deliveries itself. */
export class BrokerSubscription implements OpenSubscription {
  readonly #parts: BrokerSubscriptionParts
  readonly #held = new Map<number, Delivery>()
  #consumer: Subscription | undefined
  #lastId = 0

  constructor(parts: BrokerSubscriptionParts) {
    this.#parts = parts
  }

  get queue(): string {
    return this.#parts.queue
  }

  async consume(broker: Broker, prefetch: number): Promise<void> {
    const consumerTag = `${randomUUID()}.${this.#parts.plan.id}`
    this.#consumer = await broker.consume(this.queue, { prefetch, consumerTag }, (delivery) =>
      this.#receive(delivery),
    )
  }

  isHeld(messageId: number): boolean {
    return this.#held.has(messageId)
  }

  requireHeld(messageId: number): void {
    if (this.#held.has(messageId)) return
    throw new TransportError(
      `subscription ${this.#parts.plan.id} has no message ${messageId} in hand`,
    )
  }

  async settle({ messageId, how }: Settlement): Promise<void> {
    this.requireHeld(messageId)
    const delivery = this.#held.get(messageId)
    this.#held.delete(messageId)
    if (delivery === undefined) return
    if (how === 'ack') await delivery.ack()
    else if (how === 'reject') await this.#bury(delivery, 'rejected')
    else if (delivery.attempt > this.#parts.limit) await this.#bury(delivery, 'delivery_limit')
    else await delivery.requeue()
  }

  async commit(parcels: readonly Parcel[], settlements: readonly Settlement[]): Promise<void> {
    for (const { messageId } of settlements) this.requireHeld(messageId)
    await this.#parts.send(parcels)
    for (const settlement of settlements) await this.settle(settlement)
  }

  async close(): Promise<void> {
    await this.#consumer?.close()
  }

  /** One that cannot be moved goes back to its queue, and is tried again when it comes. */
  async #bury(delivery: Delivery, reason: BuryReason): Promise<void> {
    try {
      await this.#parts.bury(delivery, reason)
    } catch (cause) {
      if (!delivery.isSettled) await delivery.requeue({ delayMs: AGAIN_MS }).catch(() => undefined)
      throw cause
    }
  }

  #receive(delivery: Delivery): void {
    const { plan, limit, log } = this.#parts
    const isAcknowledged = plan.options.acknowledgement === true
    // Taken so often and never settled: its consumers died with it, perhaps because of it.
    if (isAcknowledged && delivery.attempt > limit + 1) {
      const about = { queue: delivery.queue, subscription: plan.id }
      void this.#bury(delivery, 'delivery_limit').catch((error: unknown) =>
        log.error(
          { ...about, err: error },
          'cannot move a message to the dead letters, trying again',
        ),
      )
      return
    }
    this.#lastId += 1
    const { headers, properties, body } = delivery.message
    const header = {
      ...headers,
      ...(delivery.attempt > 1 && { 'x-delivery-count': delivery.attempt - 1 }),
      consumer_tag: String(plan.id),
      delivery_mode: properties.deliveryMode ?? null,
      exchange: delivery.route.exchange,
      'message-id': this.#lastId,
      redelivered: delivery.redelivered,
      routing_key: delivery.route.routingKey,
      subscription: plan.id,
    }
    if (isAcknowledged) this.#held.set(this.#lastId, delivery)
    else void delivery.ack()
    plan.receive(header, body)
  }
}

/** A parcel as a Broker publishes it. */
export function messageOf({ headers, body, expiration }: Parcel): Message {
  return {
    headers,
    properties: { deliveryMode: 2, ...(expiration !== undefined && { expiration }) },
    body,
  }
}
