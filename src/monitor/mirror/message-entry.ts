import { hash } from 'node:crypto'
import type { Delivery } from '../../brokers/broker.ts'
import { exactText } from '../../database/stored-headers.ts'
import { amqpProperties } from '../../protocol/amqp-properties.ts'
import { withoutDeliveryCounters } from '../../protocol/delivery-counters.ts'
import type { Altered } from '../privacy/privacy.ts'
import { storableText } from '../stored/storable-text.ts'

/** A row of monitor.message: what was published, as it was. */
export interface MessageEntry {
  readonly receivedAtMs: number
  readonly exchange: string
  readonly routingKey: string
  /** Text for jsonb columns. */
  readonly properties: string
  readonly headers: string
  readonly body: Buffer
  /** SHA-256 in hex; the same for each copy of a message, however often it is delivered. Of a kept one its first 128 bits. */
  readonly digest: string
  /** What of it is not as it was sent. */
  readonly altered?: Altered
}

export function messageEntry(
  { message, route }: Pick<Delivery, 'message' | 'route'>,
  receivedAtMs: number,
): MessageEntry {
  const properties = exactText(amqpProperties(message.properties))
  const headers = exactText(withoutDeliveryCounters(message.headers))
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

/** The whole of it: of a text that was cut, each comparison takes longer. */
function digestOf(text: string, body: Buffer): string {
  const content = body.length <= LONGEST_AS_TEXT ? body.toString('latin1') : hash('sha256', body)
  return hash('sha256', text + content)
}

/** Hashing one text is quicker than hashing two things, up to where making the text costs more. */
const LONGEST_AS_TEXT = 4096
