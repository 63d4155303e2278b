import { randomUUID } from 'node:crypto'
import { startTimer, type Timer } from '../../async/timer.ts'
import type { Broker } from '../../brokers/broker.ts'
import { deadLetterQueue, isDeadLetterQueue } from '../../brokers/dead-letters/dead-letter-queue.ts'
import { openBroker } from '../../brokers/open-broker.ts'
import { BrokerError, DisconnectedError, TransportError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { durableExchange, durableQueue, type Queue } from '../../protocol/routing/topology.ts'
import { BaseTransport, temporaryName } from './base-transport.ts'
import { BrokerSubscription, messageOf } from './broker-subscription.ts'
import type { Transaction } from './open-transactions.ts'
import type { Parcel } from './parcel.ts'
import type { OpenSubscription, SubscriptionPlan } from './subscription.ts'

export interface MemoryOptions {
  /** Transports of one name share their queues. */
  readonly name?: string | undefined
  /** How often a message is delivered again before it goes to `dlq.<queue>`. Default 5. */
  readonly deliveryLimit?: number | undefined
  readonly log?: Logger | undefined
}

/**
 * Recipes without a server, in one process: queues and topics are made by their first use, a message that was given
 * back too often goes to `dlq.<queue>`.
 */
export class MemoryTransport extends BaseTransport {
  readonly #name: string
  readonly #limit: number
  readonly #declared = new Set<string>()
  readonly #timers = new Set<Timer>()
  #broker: Broker | undefined

  constructor({ name = 'recipes', deliveryLimit = 5, log }: MemoryOptions = {}) {
    super(log)
    this.#name = name
    this.#limit = deliveryLimit
  }

  get isConnected(): boolean {
    return this.#broker !== undefined
  }

  async connect(): Promise<void> {
    this.#broker ??= openBroker({ url: `memory://${this.#name}` })
  }

  async depth(queue: string): Promise<number | null> {
    await this.connect()
    return (await this.#isThere(queue)) ? (await this.#opened().depth(queue)).messages : null
  }

  protected async open(plan: SubscriptionPlan): Promise<OpenSubscription> {
    const broker = this.#opened()
    const queue = await this.#queueFor(plan)
    const subscription = new BrokerSubscription({
      plan,
      queue,
      limit: this.#limit,
      log: this.log,
      send: (parcels) => this.#send(parcels),
      bury: (delivery) => delivery.reject(),
    })
    const prefetch = plan.kind === 'queue' ? (plan.options.prefetchCount ?? 1) : 0
    await subscription.consume(broker, prefetch)
    return subscription
  }

  protected async publish(parcel: Parcel): Promise<void> {
    await this.#send([parcel])
  }

  protected async commit(
    { parcels, settlements }: Transaction,
    subscription: OpenSubscription | undefined,
  ): Promise<void> {
    if (subscription === undefined) await this.#send(parcels)
    else await subscription.commit(parcels, settlements)
  }

  protected async close(): Promise<void> {
    const broker = this.#broker
    this.#broker = undefined
    this.#declared.clear()
    for (const timer of this.#timers) timer.clear()
    this.#timers.clear()
    await broker?.close()
  }

  async #send(parcels: readonly Parcel[]): Promise<void> {
    const broker = this.#opened()
    for (const parcel of parcels) await this.#declareFor(parcel)
    try {
      for (const parcel of parcels) {
        if (parcel.delayMs > 0) this.#sendLater(broker, parcel)
        else await broker.publish(messageOf(parcel), parcel, { mandatory: parcel.isMandatory })
      }
    } catch (cause) {
      if (!(cause instanceof BrokerError)) throw cause
      throw new TransportError(cause.message, { cause })
    }
  }

  #sendLater(broker: Broker, parcel: Parcel): void {
    const send = (): void => {
      this.#timers.delete(timer)
      // A broker that was closed meanwhile keeps nothing at all.
      broker
        .publish(messageOf(parcel), { exchange: '', routingKey: parcel.routingKey })
        .catch(() => undefined)
    }
    const timer = startTimer(parcel.delayMs, send)
    this.#timers.add(timer)
  }

  async #declareFor({ exchange, routingKey, isMandatory, delayMs }: Parcel): Promise<void> {
    if (exchange === '' || delayMs > 0) await this.#declareQueue(routingKey)
    else if (!isMandatory) await this.#declareTopic(exchange)
  }

  async #declareQueue(name: string): Promise<void> {
    if (this.#declared.has(`queue ${name}`)) return
    const isTemporary = name.startsWith('transient.') && (await this.#isThere(name))
    if (!isTemporary) await this.#declareKept(name)
    this.#declared.add(`queue ${name}`)
  }

  async #declareKept(name: string): Promise<void> {
    const isDead = isDeadLetterQueue(name)
    const args = isDead
      ? {}
      : { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': deadLetterQueue(name) }
    const dead = isDead ? [] : [durableQueue(deadLetterQueue(name))]
    await this.#declare([...dead, durableQueue(name, args)])
  }

  async #isThere(queue: string): Promise<boolean> {
    try {
      await this.#opened().depth(queue)
      return true
    } catch {
      return false // it is made then
    }
  }

  async #declareTopic(name: string): Promise<void> {
    if (this.#declared.has(`topic ${name}`)) return
    await this.#opened().declare({
      exchanges: [durableExchange(name, 'fanout')],
      queues: [],
      bindings: [],
    })
    this.#declared.add(`topic ${name}`)
  }

  async #queueFor({ kind, name }: SubscriptionPlan): Promise<string> {
    if (kind === 'queue') {
      await this.#declareQueue(name ?? '')
      return name ?? ''
    }
    const queue = kind === 'temporary' ? temporaryName(name, randomUUID()) : randomUUID()
    await this.#declare([
      { name: queue, durable: false, exclusive: true, autoDelete: true, arguments: {} },
    ])
    if (kind === 'broadcast' && name !== null) {
      await this.#declareTopic(name)
      await this.#opened().declare({
        exchanges: [],
        queues: [],
        bindings: [{ exchange: name, queue, routingKey: '' }],
      })
    }
    return queue
  }

  async #declare(queues: readonly Queue[]): Promise<void> {
    await this.#opened().declare({ exchanges: [], queues, bindings: [] })
  }

  #opened(): Broker {
    if (this.#broker !== undefined) return this.#broker
    throw new DisconnectedError('the transport is not connected; call connect() first')
  }
}
