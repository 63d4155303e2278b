import type { ChannelModel } from 'amqplib'
import { Semaphore } from '../../async/semaphore.ts'
import { BrokerError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { ConsumeOptions, Delivery, Subscription } from '../broker.ts'
import { queueMissing } from '../broker-errors.ts'
import { ConsumerChannel } from './consumer-channel.ts'
import { isNotFound, serverText } from './server-errors.ts'

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

/** A running consumer: one channel of its own, replaced whenever it ends. */
export class AmqpConsumer implements Subscription {
  readonly queue: string
  readonly #parts: ConsumerParts
  /** Changes (attach, pause, resume, close) happen one after the other. */
  readonly #changes = new Semaphore(1)
  #prefetch: number
  #channel: ConsumerChannel | undefined
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
      await this.#channel?.stop()
    })
  }

  resume(): Promise<void> {
    return this.#changes.run(async () => {
      if (!this.#isPaused || this.#isClosed) return
      this.#isPaused = false
      await this.#start()
    })
  }

  setPrefetch(prefetch: number): Promise<void> {
    return this.#changes.run(async () => {
      if (prefetch === this.#prefetch) return
      this.#prefetch = prefetch
      if (!this.#isPaused && !this.#isClosed) await this.#start()
    })
  }

  close(): Promise<void> {
    return this.#changes.run(async () => {
      if (this.#isClosed) return
      this.#isClosed = true
      await this.#channel?.close()
      this.#channel = undefined
      this.#parts.onClosed(this)
    })
  }

  async #attach(model: ChannelModel): Promise<void> {
    if (this.#isClosed || this.#channel !== undefined || !this.#parts.isAlive(model)) return
    const { options, onDelivery, log } = this.#parts
    const channel = await ConsumerChannel.open(model, this.#prefetch, {
      queue: this.queue,
      consumerTag: options.consumerTag,
      onDelivery,
      log,
      onEnd: (ended, refusal) => this.#onChannelEnd(ended, refusal),
    })
    this.#channel = channel
    if (!this.#isPaused) await channel.start(this.#prefetch)
  }

  /** A channel that ends meanwhile is replaced by one that starts as it should. */
  async #start(): Promise<void> {
    const channel = this.#channel
    try {
      await channel?.start(this.#prefetch)
    } catch (cause) {
      if (this.#channel === channel) throw cause
    }
  }

  #onChannelEnd(ended: ConsumerChannel, refusal: Error | undefined): void {
    if (this.#channel === ended) this.#channel = undefined
    // By then it is known whether the whole connection went; if so, the reconnect attaches.
    nextTurn(() => {
      if (this.#isClosed || this.#channel !== undefined) return
      if (!this.#parts.isAlive(ended.model)) return
      const reason = refusal === undefined ? 'the queue is gone' : serverText(refusal)
      this.#parts.log.warn({ queue: this.queue, reason }, 'consumer ended, starting another')
      void this.#reattach(ended.model)
    })
  }

  async #reattach(model: ChannelModel): Promise<void> {
    try {
      await this.#parts.declareQueue(model)
      await this.attach(model)
    } catch (cause) {
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
