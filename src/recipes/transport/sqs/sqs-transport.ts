import type { Broker, Delivery } from '../../../brokers/broker.ts'
import {
  deadLetterQueue,
  isDeadLetterQueue,
} from '../../../brokers/dead-letters/dead-letter-queue.ts'
import { withDeath } from '../../../brokers/dead-letters/death-history.ts'
import { openBroker } from '../../../brokers/open-broker.ts'
import { BrokerError, DisconnectedError, TransportError } from '../../../errors.ts'
import { durableQueue } from '../../../protocol/routing/topology.ts'
import { BaseTransport } from '../base-transport.ts'
import { BrokerSubscription, messageOf } from '../broker-subscription.ts'
import type { Parcel } from '../parcel.ts'
import type { OpenSubscription, SubscriptionPlan } from '../subscription.ts'
import type { TransportFeatures } from '../transport.ts'
import type { SqsTransportOptions } from './sqs-options.ts'

const FEATURES: TransportFeatures = {
  broadcasts: false,
  temporaryQueues: false,
  transactions: false,
  expiration: false,
}
const DEFAULT_LIMIT = 5
/** Of a subscription whose messages are settled on arrival: as many as one call brings. */
const UNACKNOWLEDGED_PREFETCH = 10

/**
 * Recipes on Amazon SQS: messages to queues, delays of a quarter of an hour at most, acknowledgements. A queue that is
 * subscribed to is made with its `dlq.` queue where it is missing; what was delivered too often is moved there.
 */
export class SqsTransport extends BaseTransport {
  readonly features = FEATURES
  readonly #options: SqsTransportOptions
  readonly #limit: number
  #broker: Broker | undefined

  constructor(options: SqsTransportOptions = {}) {
    super(options.log)
    this.#options = options
    this.#limit = options.deliveryLimit ?? DEFAULT_LIMIT
  }

  get isConnected(): boolean {
    return this.#broker !== undefined
  }

  async connect(): Promise<void> {
    const { url = 'sqs://', transportOptions } = this.#options
    this.#broker ??= openBroker({ url, transportOptions, logger: this.log })
  }

  async depth(queue: string): Promise<number | null> {
    await this.connect()
    try {
      return (await this.#opened().depth(queue)).messages
    } catch (cause) {
      if (isMissing(cause)) return null
      throw translated(cause)
    }
  }

  override async subscribeBroadcast(topic: string): Promise<number> {
    throw lacking(`to subscribe to what is broadcast to "${topic}"`, 'a message reaches one queue')
  }

  override async subscribeTemporary(hint: string | null): Promise<never> {
    const named = hint === null ? '' : ` "${hint}"`
    throw lacking(`a temporary queue${named}`, 'none ends with its connection')
  }

  override async transactionBegin(): Promise<number> {
    throw lacking('a transaction', 'send first and acknowledge last, as ackWith does')
  }

  override checkBroadcast(topic: string): void {
    throw lacking(`a broadcast to "${topic}"`, 'a message reaches one queue')
  }

  protected async open(plan: SubscriptionPlan): Promise<OpenSubscription> {
    const queue = plan.name ?? ''
    if (plan.options.exclusive === true) {
      throw lacking(`an exclusive subscription to "${queue}"`, 'a queue serves all who ask')
    }
    const isDead = isDeadLetterQueue(queue)
    const subscription = new BrokerSubscription({
      plan,
      queue,
      // Behind the dead letters there is nothing: what is given back stays, what is rejected is gone, as on RabbitMQ.
      limit: isDead ? Number.POSITIVE_INFINITY : this.#limit,
      log: this.log,
      send: (parcels) => this.#send(parcels),
      bury: async (delivery, reason) =>
        isDead ? await delivery.ack() : await this.#bury(delivery, reason),
    })
    const { acknowledgement = false, prefetchCount = 1 } = plan.options
    await this.#translating(async (broker) => {
      const dead = isDead ? [] : [durableQueue(deadLetterQueue(queue))]
      await broker.declare({ exchanges: [], queues: [...dead, durableQueue(queue)], bindings: [] })
      await subscription.consume(broker, acknowledgement ? prefetchCount : UNACKNOWLEDGED_PREFETCH)
    })
    return subscription
  }

  protected async publish(parcel: Parcel): Promise<void> {
    await this.#send([parcel])
  }

  protected async commit(): Promise<void> {
    throw lacking('a transaction', 'none can have been begun')
  }

  protected async close(): Promise<void> {
    const broker = this.#broker
    this.#broker = undefined
    await broker?.close()
  }

  async #send(parcels: readonly Parcel[]): Promise<void> {
    for (const parcel of parcels) {
      requireCarried(parcel)
      const { routingKey, delayMs } = parcel
      await this.#translating(async (broker) => {
        const route = { exchange: '', routingKey }
        await broker.publish(messageOf(parcel), route, {
          mandatory: true,
          ...(delayMs > 0 && { delayMs }),
        })
      })
    }
  }

  /** As RabbitMQ does it with a queue that has a dead-letter exchange. First there, then gone here. */
  async #bury(delivery: Delivery, reason: 'rejected' | 'delivery_limit'): Promise<void> {
    const { queue, route, message } = delivery
    const headers = withDeath(message.headers, { queue, reason, route })
    await this.#translating((broker) =>
      broker.publish(
        { ...message, headers },
        { exchange: '', routingKey: deadLetterQueue(queue) },
        { mandatory: true },
      ),
    )
    await delivery.ack()
  }

  async #translating(act: (broker: Broker) => Promise<void>): Promise<void> {
    try {
      await act(this.#opened())
    } catch (cause) {
      throw translated(cause)
    }
  }

  #opened(): Broker {
    if (this.#broker !== undefined) return this.#broker
    throw new DisconnectedError('the transport is not connected; call connect() first')
  }
}

function requireCarried({ routingKey, exchange, delayMs, expiration }: Parcel): void {
  if (exchange !== '' && delayMs === 0) {
    throw lacking(`exchange "${exchange}" for queue "${routingKey}"`, 'it has queues only')
  }
  if (expiration !== undefined) {
    throw lacking(
      `an expiration of the message to queue "${routingKey}"`,
      'the retention period of its queue is for all of them',
    )
  }
}

function lacking(wanted: string, why: string): TransportError {
  return new TransportError(`Amazon SQS cannot do this: ${wanted}; ${why}`)
}

function translated(cause: unknown): unknown {
  if (!(cause instanceof BrokerError)) return cause
  if (cause.code === 'BROKER_UNREACHABLE' || cause.code === 'BROKER_CLOSED') {
    return new DisconnectedError(cause.message, { cause })
  }
  return new TransportError(cause.message, { cause })
}

function isMissing(cause: unknown): boolean {
  return cause instanceof BrokerError && cause.code === 'QUEUE_MISSING'
}
