/** A message on the wire, as every broker carries it; its content is of no concern here. */
export interface Message {
  readonly headers: Headers
  readonly properties: MessageProperties
  readonly body: Buffer
}

/**
 * Application headers. A JS integer travels as a 32-bit AMQP integer, or a 64-bit one where it does not fit
 * (never 16-bit: py-amqp before 5.4 cannot read those); integers beyond 2^53 arrive as bigint.
 */
export type Headers = Readonly<Record<string, unknown>>

/** AMQP's basic properties, under the names they have in JavaScript. Absent means absent on the wire. */
export interface MessageProperties {
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly deliveryMode?: number
  readonly priority?: number
  readonly correlationId?: string
  readonly replyTo?: string
  /** Milliseconds, as text. */
  readonly expiration?: string
  readonly messageId?: string
  readonly timestamp?: number
  readonly type?: string
  readonly userId?: string
  readonly appId?: string
}

/** Where a message is published: an exchange ('' is the default exchange) and a routing key. */
export interface Route {
  readonly exchange: string
  readonly routingKey: string
}
