import { RpcChannel } from '../../../brokers/amqp/connecting/rpc-channel.ts'
import { isNotFound } from '../../../brokers/amqp/connecting/server-errors.ts'
import { silentLogger } from '../../../logger.ts'
import { BaseTransport } from '../base-transport.ts'
import type { Transaction } from '../open-transactions.ts'
import type { Parcel } from '../parcel.ts'
import type { OpenSubscription, SubscriptionPlan } from '../subscription.ts'
import { CommitLine } from './commit-line.ts'
import { type AmqpChannel, type AmqpModel, PikaLink } from './pika-link.ts'
import type { PikaOptions } from './pika-options.ts'
import { opened, PikaSender, unroutable } from './pika-sender.ts'
import { PikaSubscription } from './pika-subscription.ts'

/** How long a queue that was there is taken to be there. */
const SEEN_MS = 30_000

/**
 * RabbitMQ, wire-compatible with the transport that workflows has by pika: nothing is declared but temporary queues,
 * messages have no properties but their delivery mode and expiration.
 */
export class PikaTransport extends BaseTransport {
  readonly #link: PikaLink
  readonly #sender: PikaSender
  readonly #open = new Set<PikaSubscription>()
  readonly #questions = new RpcChannel()
  readonly #seen = new Map<string, number>()

  constructor(options: PikaOptions = {}) {
    super(options.log ?? silentLogger)
    this.#link = new PikaLink({
      options,
      log: this.log,
      onOpen: async (model) => {
        for (const subscription of this.#open) await subscription.restore(model)
      },
      onLost: () => {
        for (const subscription of this.#open) subscription.lost()
      },
    })
    this.#sender = new PikaSender((model) => this.#link.isAlive(model))
  }

  get isConnected(): boolean {
    return this.#link.isConnected
  }

  async connect(): Promise<void> {
    await this.#link.connect()
  }

  async depth(queue: string): Promise<number | null> {
    await this.connect()
    try {
      const seen = await this.#questions.run(this.#link.model, (channel) =>
        channel.checkQueue(queue),
      )
      return seen.messageCount
    } catch (cause) {
      if (isNotFound(cause)) return null
      throw cause
    }
  }

  protected async open(plan: SubscriptionPlan): Promise<OpenSubscription> {
    const subscription: PikaSubscription = new PikaSubscription({
      plan,
      onClose: () => this.#open.delete(subscription),
      log: this.log,
      isAlive: (model) => this.#link.isAlive(model),
    })
    await subscription.open(this.#link.model)
    this.#open.add(subscription)
    return subscription
  }

  protected async publish(parcel: Parcel): Promise<void> {
    await this.#sender.send(this.#link.model, parcel)
  }

  /** A missing queue is found before anything is committed: RabbitMQ would keep the rest and lose this message. */
  protected async commit(
    { parcels, settlements }: Transaction,
    subscription: OpenSubscription | undefined,
  ): Promise<void> {
    const { model } = this.#link
    for (const parcel of parcels) await this.#requireQueue(model, parcel)
    if (subscription !== undefined) await subscription.commit(parcels, settlements)
    else await this.#commitAlone(model, parcels)
  }

  protected async close(): Promise<void> {
    this.#open.clear()
    await this.#sender.close()
    await this.#link.close()
  }

  async #commitAlone(model: AmqpModel, parcels: readonly Parcel[]): Promise<void> {
    const channel: AmqpChannel = await opened(() => model.createChannel())
    channel.on('error', () => undefined) // the commit fails with it
    try {
      await new CommitLine(channel).commit(parcels, () => undefined)
    } finally {
      await channel.close().catch(() => undefined)
    }
  }

  async #requireQueue(model: AmqpModel, parcel: Parcel): Promise<void> {
    const { exchange, routingKey } = parcel
    if (exchange !== '') return
    if (performance.now() - (this.#seen.get(routingKey) ?? Number.NEGATIVE_INFINITY) < SEEN_MS)
      return
    try {
      await this.#questions.run(model, (channel) => channel.checkQueue(routingKey))
    } catch (cause) {
      if (isNotFound(cause)) throw unroutable(parcel)
      throw cause
    }
    this.#seen.set(routingKey, performance.now())
  }
}
