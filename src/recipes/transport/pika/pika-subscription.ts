import { randomUUID } from 'node:crypto'
import { backoffDelayMs } from '../../../async/backoff.ts'
import { startTimer, type Timer } from '../../../async/timer.ts'
import { end } from '../../../brokers/amqp/connecting/end.ts'
import { serverText } from '../../../brokers/amqp/connecting/server-errors.ts'
import { DisconnectedError, TransportError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import { temporaryName } from '../base-transport.ts'
import type { Parcel } from '../parcel.ts'
import type { OpenSubscription, Settlement, SubscriptionPlan } from '../subscription.ts'
import { CommitLine } from './commit-line.ts'
import type { AmqpChannel, AmqpMessage, AmqpModel } from './pika-link.ts'
import { opened } from './pika-sender.ts'

/** A message that comes again and again rests so long before it goes back, where no delivery limit of its queue ends that. */
const REST_MS = 1_000
const REOPEN = { initialMs: 500, factor: 2, maxMs: 5000, jitter: 0.2 }

interface SubscriptionParts {
  readonly plan: SubscriptionPlan
  readonly log: Logger
  readonly isAlive: (model: AmqpModel) => boolean
  readonly onClose: () => void
}

/** A consumer on a channel of its own, as pika has it; taken up again when the channel or the connection was lost. */
export class PikaSubscription implements OpenSubscription {
  readonly #parts: SubscriptionParts
  readonly #temporary = randomUUID()
  /** Ids of messages that are neither acknowledged nor given back. */
  readonly #held = new Set<number>()
  /** Of those, the ones that came again from a queue that does not count how often. */
  readonly #uncounted = new Set<number>()
  /** Until those that were given back go. */
  readonly #resting = new Set<Timer>()
  #channel: AmqpChannel | undefined
  #queue = ''
  /** Delivery tags count per channel; ids are counted across channels, so that an old one is never taken for a new. */
  #base = 0
  #highest = 0
  #commits: CommitLine | undefined
  #isClosed: boolean = false
  #reopening: Timer | undefined

  constructor(parts: SubscriptionParts) {
    this.#parts = parts
  }

  get queue(): string {
    return this.#queue
  }

  /** Throws for a queue or exchange that is not there. */
  async open(model: AmqpModel): Promise<void> {
    const { plan } = this.#parts
    const channel = await opened(() => model.createChannel())
    let failure: Error | undefined
    let isConsuming = false
    channel.on('error', (cause: Error) => {
      failure = cause
    })
    channel.on('close', () => {
      if (isConsuming) this.#onClosed(channel, model, failure)
    })
    try {
      const hasPrefetch = plan.kind === 'queue'
      await channel.prefetch(hasPrefetch ? (plan.options.prefetchCount ?? 1) : 0)
      const queue = await this.#declare(channel)
      this.#base = this.#highest
      this.#held.clear()
      this.#uncounted.clear()
      this.#commits = new CommitLine(channel)
      this.#channel = channel
      await channel.consume(
        queue,
        (message) => {
          if (message === null) this.#onCancelled(channel)
          else if (channel === this.#channel) this.#receive(message)
        },
        {
          consumerTag: String(plan.id),
          noAck: !this.#isAcknowledged,
          exclusive: plan.options.exclusive === true,
          ...(plan.options.priority !== undefined && { priority: plan.options.priority }),
        },
      )
      this.#queue = queue
      isConsuming = true
    } catch (cause) {
      if (failure === undefined && this.#parts.isAlive(model)) await end(channel)
      if (!this.#parts.isAlive(model)) throw lostWhile('subscribing', cause)
      const reason = serverText(failure ?? cause)
      throw new TransportError(`cannot subscribe to ${this.#name}: ${reason}`, { cause })
    }
  }

  isHeld(messageId: number): boolean {
    return this.#held.has(messageId)
  }

  requireHeld(messageId: number): void {
    if (!this.#isAcknowledged) {
      throw new TransportError(
        `subscription ${this.#parts.plan.id} was made without acknowledgement, there is nothing to settle`,
      )
    }
    if (messageId <= this.#base || this.#held.has(messageId)) return
    throw new TransportError(
      `subscription ${this.#parts.plan.id} has no message ${messageId} in hand`,
    )
  }

  /** A message that came over an earlier channel is not settled: the broker delivers it again. */
  async settle(settlement: Settlement): Promise<void> {
    this.requireHeld(settlement.messageId)
    if (settlement.messageId <= this.#base) return
    if (settlement.how === 'requeue' && this.#uncounted.delete(settlement.messageId)) {
      this.#requeueLater(settlement)
      return
    }
    await this.#settleNow(settlement)
  }

  /** Others come meanwhile, where the prefetch count lets them. A channel that ends gives it back by itself. */
  #requeueLater(settlement: Settlement): void {
    this.#held.delete(settlement.messageId)
    const requeue = (): void => {
      this.#resting.delete(timer)
      if (settlement.messageId <= this.#base || this.#channel === undefined) return
      this.#held.add(settlement.messageId)
      this.#settleNow(settlement).catch((error: unknown) => {
        this.#parts.log.debug({ err: error }, 'a message goes back to its queue with its channel')
      })
    }
    const timer = startTimer(REST_MS, requeue)
    this.#resting.add(timer)
  }

  async #settleNow(settlement: Settlement): Promise<void> {
    const channel = this.#open('settling')
    const settle = (): void => this.#write(channel, settlement)
    if (this.#commits?.isUsed === true) await this.#commit([], settle)
    else settle()
  }

  /** All of it takes effect, or nothing. */
  async commit(parcels: readonly Parcel[], settlements: readonly Settlement[]): Promise<void> {
    for (const { messageId } of settlements) {
      if (messageId <= this.#base) throw lostWhile('in a transaction')
      this.requireHeld(messageId)
    }
    const channel = this.#open('committing')
    await this.#commit(parcels, () => {
      for (const settlement of settlements) this.#write(channel, settlement)
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#parts.onClose()
    this.#reopening?.clear()
    for (const timer of this.#resting) timer.clear()
    const channel = this.#channel
    this.#channel = undefined
    if (channel === undefined) return
    await channel.cancel(String(this.#parts.plan.id)).catch(() => undefined)
    await end(channel)
  }

  /** The connection is gone; its deliveries are the broker's again. */
  lost(): void {
    this.#channel = undefined
    this.#held.clear()
    this.#uncounted.clear()
    this.#base = this.#highest
  }

  get #isAcknowledged(): boolean {
    return this.#parts.plan.options.acknowledgement === true
  }

  get #name(): string {
    const { kind, name } = this.#parts.plan
    if (kind === 'broadcast') return `broadcasts of "${name}"`
    return kind === 'queue' ? `queue "${name}"` : 'a temporary queue'
  }

  async #declare(channel: AmqpChannel): Promise<string> {
    const { kind, name } = this.#parts.plan
    if (kind === 'queue') return name ?? ''
    if (kind === 'temporary') {
      const queue = name === null || name === '' ? '' : temporaryName(name, this.#temporary)
      const flags = { exclusive: true, autoDelete: true, durable: false }
      return (await channel.assertQueue(queue, flags)).queue
    }
    const flags = { exclusive: true, autoDelete: false, durable: false }
    const { queue } = await channel.assertQueue('', flags)
    await channel.bindQueue(queue, name ?? '', '')
    return queue
  }

  #receive({ fields, properties, content }: AmqpMessage): void {
    const { plan } = this.#parts
    const messageId = this.#base + fields.deliveryTag
    this.#highest = messageId
    if (this.#isAcknowledged) this.#held.add(messageId)
    const isCounted = properties.headers?.['x-delivery-count'] !== undefined
    if (this.#isAcknowledged && fields.redelivered && !isCounted) this.#uncounted.add(messageId)
    const header = {
      ...properties.headers,
      consumer_tag: fields.consumerTag,
      delivery_mode: properties.deliveryMode ?? null,
      exchange: fields.exchange,
      'message-id': messageId,
      redelivered: fields.redelivered,
      routing_key: fields.routingKey,
      subscription: plan.id,
    }
    plan.receive(header, content)
  }

  #write(channel: AmqpChannel, { messageId, how }: Settlement): void {
    this.#uncounted.delete(messageId)
    if (!this.#held.delete(messageId)) return
    // The driver reads nothing else of a message.
    const message = { fields: { deliveryTag: messageId - this.#base } } as AmqpMessage
    if (how === 'ack') channel.ack(message)
    else channel.nack(message, false, how === 'requeue')
  }

  async #commit(parcels: readonly Parcel[], settle: () => void): Promise<void> {
    try {
      await this.#commits?.commit(parcels, settle)
    } catch (cause) {
      throw cause instanceof TransportError ? cause : lostWhile('in a transaction', cause)
    }
  }

  #open(doing: string): AmqpChannel {
    if (this.#channel !== undefined) return this.#channel
    throw lostWhile(doing)
  }

  /** The server ended the channel, and not the connection. */
  #onClosed(channel: AmqpChannel, model: AmqpModel, cause: Error | undefined): void {
    if (channel !== this.#channel) return
    this.lost()
    if (this.#isClosed || !this.#parts.isAlive(model)) return
    this.#parts.log.warn(
      { queue: this.#queue, reason: serverText(cause ?? 'closed') },
      'subscription ended by the broker, subscribing again',
    )
    this.#reopenLater(model, 1)
  }

  /** The queue was deleted. */
  #onCancelled(channel: AmqpChannel): void {
    if (channel === this.#channel) void end(channel)
  }

  #reopenLater(model: AmqpModel, attempt: number): void {
    const again = async (): Promise<void> => {
      if (this.#isClosed || !this.#parts.isAlive(model)) return
      try {
        await this.open(model)
        this.#parts.log.info({ queue: this.#queue }, 'subscription restored')
      } catch (cause) {
        this.#parts.log.warn({ reason: serverText(cause) }, 'cannot subscribe yet, trying again')
        this.#reopenLater(model, attempt + 1)
      }
    }
    this.#reopening = startTimer(backoffDelayMs(REOPEN, attempt), () => void again())
  }

  /** After a reconnect: a queue that is not there keeps the others from nothing. */
  async restore(model: AmqpModel): Promise<void> {
    try {
      await this.open(model)
    } catch (cause) {
      if (cause instanceof DisconnectedError) throw cause
      this.#parts.log.warn({ reason: serverText(cause) }, 'cannot subscribe yet, trying again')
      this.#reopenLater(model, 1)
    }
  }
}

function lostWhile(doing: string, cause?: unknown): DisconnectedError {
  return new DisconnectedError(`the connection to RabbitMQ was lost while ${doing}`, { cause })
}
