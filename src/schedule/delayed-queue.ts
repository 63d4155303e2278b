import { randomUUID } from 'node:crypto'
import type { Broker, Delivery, PublishOptions, Subscription } from '../brokers/broker.ts'
import type { BrokerFeatures } from '../brokers/features.ts'
import { BrokerError } from '../errors.ts'
import type { Message, Route } from '../protocol/message.ts'
import {
  afterDelay,
  DELAYING_EXCHANGE,
  DELIVERY_EXCHANGE,
  type DelayQueueType,
  delayedRoutingKey,
  delayLevels,
  LONGEST_DELAY_SECONDS,
} from '../protocol/routing/delayed-delivery.ts'
import { durableQueue, type Topology } from '../protocol/routing/topology.ts'
import type { Vault } from './vault.ts'

export interface DelayedQueueOptions {
  readonly name: string
  /** Of RabbitMQ's delay queues, which all who share a virtual host declare alike. Default quorum, as Celery's. */
  readonly queueType?: DelayQueueType
  /** Where messages wait instead of with the broker, which need not keep any back; its dispatchers publish them. */
  readonly vault?: Pick<Vault, 'hold'> | undefined
}

type DelayingBroker = Pick<Broker, 'features' | 'declare' | 'publish' | 'consume' | 'safeUrl'>

const DUE_AT = 'x-due-at'
/** Deliveries of which it is being seen to that they are worked on. */
const PREFETCH = 10
/** After this what could not be worked on, or sent on, comes again. */
const AGAIN_MS = 1_000

/**
 * A queue whose messages come when they are due. Until then they are with the broker: in the delay queues of Celery's native
 * delayed delivery (a time to live, then the dead-letter exchange), or kept back by Amazon SQS; or they are in the vault, in
 * PostgreSQL. No process holds them.
 */
export class DelayedQueue {
  readonly #broker: DelayingBroker
  readonly #name: string
  readonly #queueType: DelayQueueType
  readonly #vault: DelayedQueueOptions['vault']
  #declared: Promise<void> | undefined

  /** Throws where neither the broker nor a vault keeps messages back. */
  constructor(broker: DelayingBroker, { name, queueType = 'quorum', vault }: DelayedQueueOptions) {
    if (vault === undefined && !keepsMessagesBack(broker.features)) {
      const problem = `${broker.safeUrl} keeps no message back, as RabbitMQ and Amazon SQS do`
      throw new BrokerError('DECLARE_REFUSED', problem)
    }
    this.#broker = broker
    this.#name = name
    this.#queueType = queueType
    this.#vault = vault
  }

  /** Resolves once it is safe; it comes at `dueAt` (epoch ms), or up to a second later. In a vault it takes the place of one with its id. */
  async send(body: object, dueAt: number, id: string = randomUUID()): Promise<void> {
    const message = {
      headers: { [DUE_AT]: dueAt },
      properties: { contentType: 'application/json', contentEncoding: 'utf-8', deliveryMode: 2 },
      body: Buffer.from(JSON.stringify(body)),
    }
    if (this.#vault === undefined || dueAt <= Date.now()) {
      await this.#publish(message, dueAt)
      return
    }
    await this.#declare()
    const route = { exchange: '', routingKey: this.#name }
    const waiting = { taskId: id, name: null, dueAt: new Date(dueAt), message, route }
    await this.#vault.hold({ ...waiting, isNoTask: true })
  }

  /** Each message once it is due; `onDue` settles it. */
  async consume(onDue: (delivery: Delivery) => Promise<void>): Promise<Subscription> {
    await this.#declare()
    return await this.#broker.consume(this.#name, { prefetch: PREFETCH }, (delivery) => {
      this.#receive(delivery, onDue)
        .catch(async () => await delivery.requeue({ delayMs: AGAIN_MS }))
        .catch(() => undefined) // its connection is lost: it comes again
    })
  }

  async #receive(delivery: Delivery, onDue: (delivery: Delivery) => Promise<void>): Promise<void> {
    const dueAt = Number(delivery.message.headers[DUE_AT] ?? 0)
    if (this.#isDue(dueAt)) {
      await onDue(delivery)
      return
    }
    // SQS keeps a message for a quarter of an hour at most.
    await this.#publish(delivery.message, dueAt)
    await delivery.ack()
  }

  /**
   * By the clock of the vault, where there is one: it publishes nothing before, and a broker may not keep back what comes early by
   * ours. What is no moment, as another program may have written it, is due.
   */
  #isDue(dueAt: number): boolean {
    if (this.#vault !== undefined) return true
    return !(dueAt > Date.now() && dueAt < Number.POSITIVE_INFINITY)
  }

  async #publish(message: Message, dueAt: number): Promise<void> {
    await this.#declare()
    const seconds = Math.max(0, Math.ceil((dueAt - Date.now()) / 1_000))
    const { route, options } = this.#wayOf(seconds)
    await this.#broker.publish(message, route, options)
  }

  #wayOf(seconds: number): { readonly route: Route; readonly options: PublishOptions } {
    const direct = { exchange: '', routingKey: this.#name }
    const { delayedExchanges, longestDelayMs } = this.#broker.features
    if (seconds === 0) return { route: direct, options: {} }
    if (!delayedExchanges) {
      return { route: direct, options: { delayMs: Math.min(seconds * 1_000, longestDelayMs) } }
    }
    const delay = Math.min(seconds, LONGEST_DELAY_SECONDS)
    const routingKey = delayedRoutingKey(delay, this.#name)
    return { route: { exchange: DELAYING_EXCHANGE, routingKey }, options: {} }
  }

  async #declare(): Promise<void> {
    this.#declared ??= this.#broker.declare(this.#topology())
    try {
      await this.#declared
    } catch (error) {
      this.#declared = undefined
      throw error
    }
  }

  #topology(): Topology {
    const name = this.#name
    if (this.#vault !== undefined || !this.#broker.features.delayedExchanges)
      return { exchanges: [], queues: [durableQueue(name)], bindings: [] }
    const levels = delayLevels(this.#queueType)
    const own = { exchange: DELIVERY_EXCHANGE, queue: name, routingKey: afterDelay(name) }
    const queue = durableQueue(name, { 'x-queue-type': this.#queueType })
    return { ...levels, queues: [...levels.queues, queue], bindings: [...levels.bindings, own] }
  }
}

function keepsMessagesBack({ delayedExchanges, longestDelayMs }: BrokerFeatures): boolean {
  return delayedExchanges || longestDelayMs > 0
}
