import { amqpProperties, propertiesOf } from '../../protocol/amqp-properties.ts'
import { withoutDeliveryCounters } from '../../protocol/delivery-counters.ts'
import type { Message } from '../../protocol/message.ts'
import type { Delivery } from '../broker.ts'
import { encodeTable } from '../headers/write-table.ts'

/** Why a message is a dead letter. */
export interface DeadLetterReason {
  readonly code: string
  readonly reason: string
}

/** RabbitMQ delivers a copy to every queue that these name. */
const ROUTING_HEADERS = new Set(['CC', 'BCC'])
/** A header table may have 64 KiB; the rest is for our own marks. */
const MOST_HEADER_BYTES = 32 * 1024
const LONG_TEXT = 200
const LONG_REASON = 2_000
const MOST_NAMED = 20

/**
 * The message as it is kept in `dlq.<queue>`: the same body, byte for byte, and headers that say why. A broker takes it
 * with any headers: those that route, have no form or are too large are cut, and named in the reason and in `x-dlq-cut`. So are
 * properties and names that are longer than AMQP has them, as SQS brings them.
 */
export function deadLetterMessage(delivery: Delivery, { code, reason }: DeadLetterReason): Message {
  const { message, route } = delivery
  const { headers, cut: cutHeaders } = fitting(withoutDeliveryCounters(message.headers))
  // It must wait for a person, so it does not expire; and it is not sent by the user whom it names.
  const { expiration: _expiration, userId, ...others } = message.properties
  const named = Object.entries(amqpProperties(others))
  const long = named.filter(([, value]) => shortText(value) !== value)
  const properties = propertiesOf(
    Object.fromEntries(named.map(([name, value]) => [name, shortText(value)])),
  )
  const cut = [...cutHeaders, ...long.map(([name]) => name)]
  const names = namesOf(cut)
  const notes = cut.length === 0 ? '' : `; headers cut: ${names}`
  return {
    body: message.body,
    properties: { ...properties, deliveryMode: 2 },
    headers: {
      ...headers,
      'x-dlq-code': code,
      'x-dlq-reason': `${shortened(reason, LONG_REASON)}${notes}`,
      'x-dlq-queue': delivery.queue,
      'x-dlq-exchange': shortText(route.exchange),
      'x-dlq-routing-key': shortText(route.routingKey),
      'x-dlq-time': new Date().toISOString(),
      ...(cut.length > 0 && { 'x-dlq-cut': names }),
      ...(userId !== undefined && { 'x-dlq-user-id': shortText(userId) }),
    },
  }
}

/** AMQP has texts of properties, and names of exchanges, of up to so many bytes. */
const MOST_TEXT_BYTES = 255
/** Of three bytes a character. */
const SHORT_TEXT = 70

function shortText<Value>(value: Value): Value | string {
  const isLong = typeof value === 'string' && Buffer.byteLength(value) > MOST_TEXT_BYTES
  return isLong ? shortened(value, SHORT_TEXT) : value
}

/** The letter in several, each with its place: `x-dlq-part` is "1/2". */
export function partsOf(letter: Message, mostBytes: number): readonly Message[] {
  const count = Math.ceil(letter.body.length / mostBytes)
  return Array.from({ length: count }, (_, n) => ({
    ...letter,
    headers: { ...letter.headers, 'x-dlq-part': `${n + 1}/${count}` },
    body: letter.body.subarray(n * mostBytes, (n + 1) * mostBytes),
  }))
}

function fitting(headers: Message['headers']) {
  // The marks of a time when it was kept before are written anew.
  const entries = Object.entries(headers).filter(([name]) => !name.startsWith('x-dlq-'))
  const sized = entries.map(([name, value]) => sizedHeader(name, value))
  const cut = sized.filter(({ bytes }) => bytes === undefined).map(({ name }) => name)
  const kept = sized.filter(({ bytes }) => bytes !== undefined)
  // The largest go first, so that most of them stay.
  kept.sort((one, other) => (one.bytes ?? 0) - (other.bytes ?? 0))
  let left = MOST_HEADER_BYTES
  const fits: Record<string, unknown> = {}
  for (const { name, value, bytes = 0 } of kept) {
    left -= bytes
    if (left >= 0) {
      fits[name] = value
      continue
    }
    cut.push(name)
    const isShown = typeof value === 'string' && cut.length <= MOST_NAMED
    if (isShown && name.length < LONG_TEXT) fits[name] = shortened(value, LONG_TEXT)
  }
  return { headers: fits, cut }
}

interface SizedHeader {
  readonly name: string
  readonly value: unknown
  /** Undefined where it cannot be sent. */
  readonly bytes: number | undefined
}

function sizedHeader(name: string, value: unknown): SizedHeader {
  if (ROUTING_HEADERS.has(name)) return { name, value, bytes: undefined }
  try {
    return { name, value, bytes: encodeTable({ [name]: value }).length }
  } catch {
    // Too large, or of a form that no header has; a long text can still be shown in part.
    return typeof value === 'string'
      ? { name, value, bytes: Number.MAX_SAFE_INTEGER }
      : { name, value, bytes: undefined }
  }
}

function namesOf(cut: readonly string[]): string {
  const named = cut.slice(0, MOST_NAMED).map((name) => shortened(name, 100))
  const more = cut.length - named.length
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ')
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text
}
