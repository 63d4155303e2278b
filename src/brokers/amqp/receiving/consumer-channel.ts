import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { Deque } from '../../../async/deque.ts'
import type { Logger } from '../../../logger.ts'
import type { Delivery } from '../../broker.ts'
import { handOver } from '../../hand-over.ts'
import { answeredWithin, end } from '../connecting/end.ts'
import { AckWindow } from './ack-window.ts'
import { AmqpDelivery } from './amqp-delivery.ts'
import { Parked } from './parked.ts'

/** AMQP has 16 bits for it; beyond, the server sends without a limit and the rest is held here. */
const MOST_PREFETCH = 65_535

interface ConsumerChannelParts {
  readonly queue: string
  readonly consumerTag: string | undefined
  readonly consumerArguments: Readonly<Record<string, unknown>> | undefined
  readonly onDelivery: (delivery: Delivery) => void
  readonly log: Logger
  /** Something is put back later, or has been put back. */
  readonly onParked: () => void
  /** The channel is gone, or its queue is; `refusal` is what the server said, where it said something. */
  readonly onEnd: (ended: ConsumerChannel, refusal: Error | undefined) => void
}

/** One channel of a consumer: its deliveries, its acks, and how many may be unsettled. */
export class ConsumerChannel {
  readonly model: ChannelModel
  readonly #channel: Channel
  readonly #parts: ConsumerChannelParts
  readonly #window: AckWindow
  #prefetch: number
  #consumerTag: string | undefined
  /** What the server was let send beyond the prefetch, for those that are parked. */
  #extra = 0
  #starts = 0
  #unsettled = 0
  /** The server still counts them as unsettled, so it is let send as many more: up to the prefetch. */
  readonly #parked: Parked
  /** Came before a lowered prefetch took hold; handed out as room comes. */
  #held = new Deque<ConsumeMessage>()
  #hasEnded: boolean = false

  static async open(
    model: ChannelModel,
    prefetch: number,
    parts: ConsumerChannelParts,
  ): Promise<ConsumerChannel> {
    return new ConsumerChannel(model, await model.createChannel(), { ...parts, prefetch })
  }

  private constructor(
    model: ChannelModel,
    channel: Channel,
    parts: ConsumerChannelParts & { readonly prefetch: number },
  ) {
    this.model = model
    this.#channel = channel
    this.#parts = parts
    this.#prefetch = parts.prefetch
    this.#window = new AckWindow(channel, parts.prefetch)
    this.#parked = new Parked(parts.onParked)
    let refusal: Error | undefined
    channel.on('error', (cause) => {
      refusal = cause
    })
    channel.on('close', () => this.#onEnd(refusal))
  }

  /** RabbitMQ gives a prefetch to consumers that start after it was set, so a changed one starts anew. */
  async start(prefetch: number): Promise<void> {
    this.#prefetch = prefetch
    this.#extra = this.#wantedExtra
    const most = prefetch === 0 ? 0 : prefetch + this.#extra
    const former = this.#consumerTag
    await this.#channel.prefetch(most > MOST_PREFETCH ? 0 : most, false)
    const { consumerTag } = await this.#channel.consume(
      this.#parts.queue,
      (received) => this.#onMessage(received),
      this.#consumeOptions(),
    )
    this.#consumerTag = consumerTag
    // The former one ends last: a queue that deletes itself when unused stays.
    await this.#cancel(former)
    this.#handOut()
  }

  /** Whether the server should be let send more, or fewer, because of what is parked. */
  get isAdjustDue(): boolean {
    return this.#consumerTag !== undefined && this.#extra !== this.#wantedExtra
  }

  get #wantedExtra(): number {
    return Math.min(this.#parked.size, this.#prefetch)
  }

  /** Takes nothing new; what was handed out can be settled. */
  async stop(): Promise<void> {
    const tag = this.#consumerTag
    this.#consumerTag = undefined
    await this.#cancel(tag)
    for (const { fields } of this.#held.takeAll()) this.#window.nack(fields.deliveryTag, true)
  }

  /** Sends the last acks; the server puts back what is not settled. */
  async close(): Promise<void> {
    await this.stop()
    this.#window.flush()
    this.#window.close()
    this.#hasEnded = true
    this.#parked.clear()
    await end(this.#channel)
  }

  #consumeOptions(): { consumerTag?: string; arguments?: object } {
    const { consumerTag, consumerArguments } = this.#parts
    const given = consumerArguments === undefined ? {} : { arguments: consumerArguments }
    if (consumerTag === undefined) return given
    this.#starts += 1
    // Within a channel a tag serves once at a time.
    const tag = this.#starts === 1 ? consumerTag : `${consumerTag}.${this.#starts}`
    return { ...given, consumerTag: tag }
  }

  async #cancel(consumerTag: string | undefined): Promise<void> {
    if (consumerTag === undefined) return
    // Where it fails the channel has ended, and with it the consumer.
    await answeredWithin(this.#channel, this.#channel.cancel(consumerTag))
  }

  #onMessage(received: ConsumeMessage | null): void {
    if (received === null) {
      // The queue was deleted, or its node went down.
      this.#onEnd(undefined)
      void end(this.#channel)
      return
    }
    if (this.#hasRoom && this.#held.size === 0) this.#deliver(received)
    else this.#held.push(received)
  }

  get #hasRoom(): boolean {
    return this.#prefetch === 0 || this.#unsettled < this.#prefetch
  }

  #deliver(received: ConsumeMessage): void {
    this.#unsettled += 1
    const delivery = new AmqpDelivery(received, {
      queue: this.#parts.queue,
      window: this.#window,
      onSettled: this.#onSettled,
      park: this.#parked.park,
    })
    handOver(delivery, this.#parts.onDelivery, this.#parts)
  }

  readonly #onSettled = (): void => {
    this.#unsettled -= 1
    if (this.#held.size > 0) this.#handOut()
  }

  #handOut(): void {
    while (!this.#hasEnded && this.#hasRoom) {
      const next = this.#held.shift()
      if (next === undefined) return
      this.#deliver(next)
    }
  }

  #onEnd(refusal: Error | undefined): void {
    this.#window.close()
    this.#parked.clear()
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#held.takeAll()
    this.#parts.onEnd(this, refusal)
  }
}
