import type { ConsumeMessage, GetMessage } from 'amqplib'
import type { Message, MessageProperties, Route } from '../../../protocol/message.ts'
import type { Delivery, RequeueOptions } from '../../broker.ts'
import { deliverySettled } from '../../broker-errors.ts'
import type { AckWindow } from './ack-window.ts'

const DONE = Promise.resolve()

const PROPERTY_NAMES = [
  'contentType',
  'contentEncoding',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
] as const

interface DeliveryOrigin {
  readonly queue: string
  readonly window: AckWindow
  readonly onSettled?: (window: AckWindow) => void
  /** Calls it after that time, unless the channel has ended by then. */
  readonly park?: (delayMs: number, putBack: () => void) => void
}

/** A message that came over a channel, in a consumer's hands. */
export class AmqpDelivery implements Delivery {
  readonly message: Message
  readonly route: Route
  readonly redelivered: boolean
  readonly #tag: number
  readonly #origin: DeliveryOrigin
  #isSettled: boolean = false

  constructor(received: ConsumeMessage | GetMessage, origin: DeliveryOrigin) {
    const { fields, properties, content } = received
    this.message = {
      headers: properties.headers ?? {},
      properties: present(properties),
      body: content,
    }
    this.route = { exchange: fields.exchange, routingKey: fields.routingKey }
    this.redelivered = fields.redelivered
    this.#tag = fields.deliveryTag
    this.#origin = origin
  }

  get queue(): string {
    return this.#origin.queue
  }

  /** Quorum queues count; of other queues RabbitMQ says only that it was delivered before. */
  get attempt(): number {
    const count = this.message.headers['x-delivery-count']
    if (typeof count === 'number') return count + 1
    return this.redelivered ? 2 : 1
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  ack(): Promise<void> {
    if (!this.#settle()) return Promise.reject(deliverySettled(this.queue))
    this.#origin.window.ack(this.#tag)
    this.#origin.onSettled?.(this.#origin.window)
    return DONE
  }

  get isLost(): boolean {
    return !this.#origin.window.isOpen
  }

  get lost(): AbortSignal {
    return this.#origin.window.lost
  }

  requeue({ delayMs = 0 }: RequeueOptions = {}): Promise<void> {
    const { window, park } = this.#origin
    if (delayMs <= 0 || park === undefined) return this.#nack(true)
    if (!this.#settle()) return Promise.reject(deliverySettled(this.queue))
    this.#origin.onSettled?.(window)
    park(delayMs, () => window.nack(this.#tag, true))
    return DONE
  }

  reject(): Promise<void> {
    return this.#nack(false)
  }

  extend(_ms: number): Promise<void> {
    return DONE
  }

  #nack(requeue: boolean): Promise<void> {
    if (!this.#settle()) return Promise.reject(deliverySettled(this.queue))
    this.#origin.window.nack(this.#tag, requeue)
    this.#origin.onSettled?.(this.#origin.window)
    return DONE
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    return true
  }
}

function present(received: ConsumeMessage['properties']): MessageProperties {
  const properties: Record<string, unknown> = {}
  for (const name of PROPERTY_NAMES) {
    const value = received[name]
    if (value !== undefined) properties[name] = value
  }
  return properties
}
