import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { Semaphore } from '../../async/semaphore.ts'
import { BrokerError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { ConsumeOptions, Delivery, Subscription } from '../broker.ts'
import { queueMissing } from '../broker-errors.ts'
import { AckWindow } from './ack-window.ts'
import { AmqpDelivery } from './amqp-delivery.ts'
import { end } from './end.ts'
import { isNotFound, serverText } from './server-errors.ts'

/** AMQP has 16 bits for it; beyond, the server sends without a limit and the rest is held here. */
const MOST_PREFETCH = 65_535

const nextTurn = setImmediate

export interface ConsumerParts {
  readonly queueName: string
  readonly options: ConsumeOptions
  readonly onDelivery: (delivery: Delivery) => void
  readonly safeUrl: string
  readonly log: Logger
  readonly isAlive: (model: ChannelModel) => boolean
  /** Declares the queue again, with its bindings, where it was declared here. */
  readonly declareQueue: (model: ChannelModel) => Promise<void>
  readonly onClosed: (consumer: AmqpConsumer) => void
}

/** The channel that a consumer uses now, and how its deliveries are settled. */
interface Attachment {
  readonly model: ChannelModel
  readonly channel: Channel
  readonly window: AckWindow
  consumerTag: string | undefined
  starts: number
}

/** A running consumer: one channel of its own, replaced whenever it ends. */
export class AmqpConsumer implements Subscription {
  readonly queue: string
  readonly #parts: ConsumerParts
  /** Changes (attach, pause, resume, close) happen one after the other. */
  readonly #changes = new Semaphore(1)
  #prefetch: number
  #attachment: Attachment | undefined
  #unsettled = 0
  /** Came before a lowered prefetch took hold; handed out as room comes. */
  #held: ConsumeMessage[] = []
  #isPaused: boolean = false
  #isClosed: boolean = false

  constructor(parts: ConsumerParts) {
    this.queue = parts.queueName
    this.#parts = parts
    this.#prefetch = parts.options.prefetch
  }

  /** Starts consuming over this connection; rejects where the queue is not there. */
  attach(model: ChannelModel): Promise<void> {
    return this.#changes.run(() => this.#attach(model))
  }

  /** After a reconnect: as `attach`, but a queue that is gone for good ends the consumer and not the connection. */
  async restore(model: ChannelModel): Promise<void> {
    try {
      await this.attach(model)
    } catch (cause) {
      if (!this.#parts.isAlive(model)) throw cause
      await this.#reattach(model)
    }
  }

  pause(): Promise<void> {
    return this.#changes.run(async () => {
      this.#isPaused = true
      await this.#stopConsuming()
    })
  }

  resume(): Promise<void> {
    return this.#changes.run(async () => {
      if (!this.#isPaused || this.#isClosed) return
      this.#isPaused = false
      await this.#startConsuming()
    })
  }

  /** RabbitMQ gives a prefetch to consumers that start after it was set, so the consumer starts anew. */
  setPrefetch(prefetch: number): Promise<void> {
    return this.#changes.run(async () => {
      if (prefetch === this.#prefetch) return
      this.#prefetch = prefetch
      if (this.#isPaused || this.#isClosed) return
      const attachment = this.#attachment
      const former = attachment?.consumerTag
      // The new one first: a queue that deletes itself when unused stays.
      await this.#startConsuming()
      await this.#cancelTag(attachment, former)
    })
  }

  close(): Promise<void> {
    return this.#changes.run(async () => {
      if (this.#isClosed) return
      this.#isClosed = true
      const attachment = this.#attachment
      await this.#stopConsuming()
      attachment?.window.flush()
      this.#detach(attachment)
      if (attachment !== undefined) await end(attachment.channel)
      this.#parts.onClosed(this)
    })
  }

  async #attach(model: ChannelModel): Promise<void> {
    if (this.#isClosed || this.#attachment !== undefined || !this.#parts.isAlive(model)) return
    const channel = await model.createChannel()
    const attachment: Attachment = {
      model,
      channel,
      window: new AckWindow(channel, this.#prefetch),
      consumerTag: undefined,
      starts: 0,
    }
    let refusal: Error | undefined
    channel.on('error', (cause) => {
      refusal = cause
    })
    channel.on('close', () => {
      this.#detach(attachment)
      nextTurn(() => this.#onChannelEnd(attachment, refusal))
    })
    this.#attachment = attachment
    this.#unsettled = 0
    this.#held = []
    if (!this.#isPaused) await this.#startConsuming()
  }

  async #startConsuming(): Promise<void> {
    const attachment = this.#attachment
    if (attachment === undefined) return
    const { channel } = attachment
    await channel.prefetch(this.#prefetch > MOST_PREFETCH ? 0 : this.#prefetch, false)
    const { consumerTag } = await channel.consume(
      this.queue,
      (received) => this.#onMessage(received, attachment),
      this.#consumeOptions(attachment),
    )
    attachment.consumerTag = consumerTag
    this.#handOut()
  }

  #consumeOptions(attachment: Attachment): { consumerTag?: string } {
    const { consumerTag } = this.#parts.options
    if (consumerTag === undefined) return {}
    attachment.starts += 1
    // Within a channel a tag serves once at a time, and a changed prefetch starts a second consumer.
    return {
      consumerTag: attachment.starts === 1 ? consumerTag : `${consumerTag}.${attachment.starts}`,
    }
  }

  async #stopConsuming(): Promise<void> {
    const attachment = this.#attachment
    await this.#cancelTag(attachment, attachment?.consumerTag)
    for (const { fields } of this.#held.splice(0)) attachment?.window.nack(fields.deliveryTag, true)
  }

  async #cancelTag(
    attachment: Attachment | undefined,
    consumerTag: string | undefined,
  ): Promise<void> {
    if (attachment === undefined || consumerTag === undefined) return
    if (attachment.consumerTag === consumerTag) attachment.consumerTag = undefined
    // Where it fails the channel has ended, and with it the consumer.
    await attachment.channel.cancel(consumerTag).catch(() => undefined)
  }

  #detach(attachment: Attachment | undefined): void {
    attachment?.window.close()
    if (attachment !== undefined && this.#attachment === attachment) this.#attachment = undefined
  }

  #onMessage(received: ConsumeMessage | null, attachment: Attachment): void {
    if (received === null) {
      this.#onServerCancel(attachment)
      return
    }
    attachment.window.opened(received.fields.deliveryTag)
    if (this.#hasRoom && this.#held.length === 0) this.#deliver(received, attachment.window)
    else this.#held.push(received)
  }

  get #hasRoom(): boolean {
    return this.#prefetch === 0 || this.#unsettled < this.#prefetch
  }

  #deliver(received: ConsumeMessage, window: AckWindow): void {
    this.#unsettled += 1
    const delivery = new AmqpDelivery(received, {
      queue: this.queue,
      window,
      onSettled: this.#onSettled,
    })
    try {
      this.#parts.onDelivery(delivery)
    } catch (cause) {
      this.#parts.log.error(
        { queue: this.queue, cause },
        'consumer threw, its delivery is unsettled',
      )
    }
  }

  readonly #onSettled = (window: AckWindow): void => {
    if (window !== this.#attachment?.window) return
    this.#unsettled -= 1
    if (this.#held.length > 0) this.#handOut()
  }

  #handOut(): void {
    while (this.#attachment !== undefined && this.#hasRoom) {
      const next = this.#held.shift()
      if (next === undefined) return
      this.#deliver(next, this.#attachment.window)
    }
  }

  /** The queue was deleted, or its node went down. */
  #onServerCancel(attachment: Attachment): void {
    this.#parts.log.warn({ queue: this.queue }, 'queue gone, declaring it again')
    attachment.consumerTag = undefined
    this.#detach(attachment)
    void end(attachment.channel)
    nextTurn(() => this.#onChannelEnd(attachment, undefined))
  }

  #onChannelEnd({ model }: Attachment, refusal: Error | undefined): void {
    if (this.#isClosed || this.#attachment !== undefined || !this.#parts.isAlive(model)) return
    if (refusal !== undefined) {
      const reason = serverText(refusal)
      this.#parts.log.warn(
        { queue: this.queue, reason },
        'consumer channel closed, opening another',
      )
    }
    void this.#reattach(model)
  }

  async #reattach(model: ChannelModel): Promise<void> {
    try {
      await this.#parts.declareQueue(model)
      await this.attach(model)
    } catch (cause) {
      // Without the connection it is the reconnect that attaches.
      if (this.#isClosed || !this.#parts.isAlive(model)) return
      this.#cancel(cause)
    }
  }

  #cancel(cause: unknown): void {
    this.#isClosed = true
    this.#parts.onClosed(this)
    this.#parts.options.onCancel?.(consumeRefused(this.queue, this.#parts.safeUrl, cause))
  }
}

export function consumeRefused(queue: string, safeUrl: string, cause: unknown): BrokerError {
  if (cause instanceof BrokerError) return cause
  if (isNotFound(cause)) return queueMissing(queue, safeUrl, cause)
  return new BrokerError(
    'QUEUE_MISSING',
    `the queue "${queue}" on ${safeUrl} cannot be consumed: ${serverText(cause)}`,
    { cause },
  )
}
