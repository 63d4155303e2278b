import { hash } from 'node:crypto'
import type { Delivery } from '../../brokers/broker.ts'
import type { Headers, MessageProperties } from '../../protocol/message.ts'
import type { Altered } from '../privacy/privacy.ts'
import { storableText } from '../stored/storable-text.ts'
import { exactText } from './stored-headers.ts'

/** A row of monitor.message: what was published, as it was. */
export interface MessageEntry {
  readonly receivedAtMs: number
  readonly exchange: string
  readonly routingKey: string
  /** Text for jsonb columns. */
  readonly properties: string
  readonly headers: string
  readonly body: Buffer
  /** In hex; the same for each copy of a message, however often it is delivered. */
  readonly digest: string
  /** What of it is not as it was sent. */
  readonly altered?: Altered
}

export function messageEntry(
  { message, route }: Pick<Delivery, 'message' | 'route'>,
  receivedAtMs: number,
): MessageEntry {
  const properties = exactText(amqpProperties(message.properties))
  const headers = exactText(asPublished(message.headers))
  const { exchange, routingKey } = route
  const place = `${exchange.length} ${exchange}${routingKey.length} ${routingKey}`
  return {
    receivedAtMs,
    exchange: storableText(exchange),
    routingKey: storableText(routingKey),
    properties,
    headers,
    body: message.body,
    digest: digestOf(place + properties + headers, message.body),
  }
}

/** Text for a jsonb column. */
export function alteredText({ altered }: MessageEntry): string | null {
  return altered === undefined ? null : exactText(altered)
}

/** 128 bits of SHA-256: nobody can make two messages that pass for one. */
function digestOf(text: string, body: Buffer): string {
  const content = body.length <= LONGEST_AS_TEXT ? body.toString('latin1') : hash('sha256', body)
  return hash('sha256', text + content).slice(0, 32)
}

/** Hashing one text is quicker than hashing two things, up to where making the text costs more. */
const LONGEST_AS_TEXT = 4096

/** Properties as AMQP, Python and our tables name them; what a broker adds of its own is kept as it is. */
export function amqpProperties(properties: MessageProperties): Record<string, unknown> {
  const named: Record<string, unknown> = {}
  for (const name in properties) {
    const value = properties[name as keyof MessageProperties]
    if (value !== undefined) named[AMQP_NAMES[name] ?? name] = value
  }
  return named
}

/** The other way round, to publish a recorded message again. */
export function propertiesOf(named: Readonly<Record<string, unknown>>): MessageProperties {
  return Object.fromEntries(
    Object.entries(named).map(([name, value]) => [OUR_NAMES[name] ?? name, value]),
  )
}

const AMQP_NAMES: Readonly<Record<string, string>> = {
  contentType: 'content_type',
  contentEncoding: 'content_encoding',
  deliveryMode: 'delivery_mode',
  correlationId: 'correlation_id',
  replyTo: 'reply_to',
  messageId: 'message_id',
  userId: 'user_id',
  appId: 'app_id',
}

const OUR_NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(AMQP_NAMES).map(([ours, theirs]) => [theirs, ours]),
)

/** Without the counters a quorum queue adds, which differ from one delivery to the next. */
function asPublished(headers: Headers): Headers {
  if (!COUNTERS.some((name) => name in headers)) return headers
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !COUNTERS.includes(name)))
}

const COUNTERS = ['x-delivery-count', 'x-acquired-count']
