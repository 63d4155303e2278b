import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { decodeJson, encodeJson } from '../../../codecs/json/json.ts'
import { amqpProperties, propertiesOf } from '../../../protocol/amqp-properties.ts'
import { isRecord } from '../../../protocol/field-readers.ts'
import type { Message, MessageProperties, Route } from '../../../protocol/message.ts'
import { FAIRNESS_HEADER } from '../../../protocol/routing/fairness.ts'
import { encodeTable } from '../../headers/write-table.ts'

interface EnvelopeOptions {
  /** kombu's `sqs_base64_encoding`: the whole envelope as base64. Both are read. */
  readonly isBase64: boolean
  /** kombu's `body_encoding` of the body in it: base64 (the default), or as text. Both are read. */
  readonly bodyEncoding?: BodyEncoding
  readonly deliveryTag?: string
}

export type BodyEncoding = 'base64' | 'utf-8' | null

export interface Opened {
  readonly message: Message
  readonly route: Route
}

/** Base64 as kombu recognises it; a text of other characters is taken as it is. */
const BASE64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/

/** What kombu adds itself, and options of SQS: no property of the message. */
const OF_TRANSPORT = new Set([
  'body_encoding',
  'delivery_info',
  'delivery_tag',
  'message_attributes',
  'MessageGroupId',
  'MessageDeduplicationId',
  'DelaySeconds',
  'delay_seconds',
])
const TEXT_PROPERTIES = new Set([
  'correlation_id',
  'reply_to',
  'expiration',
  'message_id',
  'type',
  'user_id',
  'app_id',
])
const NUMBER_PROPERTIES = new Set(['delivery_mode', 'priority', 'timestamp'])

/** The text of a message as kombu writes it: keys, their order and blanks included. Throws where a header has no form. */
export function envelope(message: Message, route: Route, options: EnvelopeOptions): string {
  const { isBase64, bodyEncoding = 'base64', deliveryTag = randomUUID() } = options
  const plain = bodyEncoding === 'base64' ? undefined : utf8Text(message.body)
  const { contentType, contentEncoding, ...properties } = message.properties
  // Headers must travel over any broker: what none can hold is refused, and named, as elsewhere.
  encodeTable(message.headers)
  const text = encodeJson({
    body: plain ?? message.body.toString('base64'),
    'content-encoding': contentEncoding,
    'content-type': contentType,
    headers: message.headers,
    properties: {
      ...ordered(properties),
      delivery_info: { exchange: route.exchange, routing_key: route.routingKey },
      priority: properties.priority,
      body_encoding: plain === undefined ? 'base64' : bodyEncoding,
      delivery_tag: deliveryTag,
    },
  })
  return isBase64 ? Buffer.from(text).toString('base64') : text
}

/** Reads what kombu wrote; anything else is a message without headers whose body is the text as it came. */
export function openEnvelope(text: string, queue: string): Opened {
  const plain = withoutBase64(text)
  return kombuMessage(plain, queue) ?? foreign(plain, queue)
}

function kombuMessage(text: string, queue: string): Opened | undefined {
  const found = parsed(text)
  if (!isRecord(found) || !isRecord(found.properties)) return undefined
  const { body = '', headers = {}, properties } = found
  if (typeof body !== 'string' || !isRecord(headers)) return undefined
  const named = readProperties(properties)
  const content = {
    ...(typeof found['content-type'] === 'string' && { content_type: found['content-type'] }),
    ...(typeof found['content-encoding'] === 'string' && {
      content_encoding: found['content-encoding'],
    }),
  }
  return {
    message: {
      headers: { ...withUnknown(headers, properties) },
      properties: propertiesOf({ ...content, ...named }),
      body: bodyOf(body, properties.body_encoding),
    },
    route: routeIn(properties.delivery_info, queue),
  }
}

function foreign(text: string, queue: string): Opened {
  return {
    message: { headers: {}, properties: {}, body: Buffer.from(text) },
    route: { exchange: '', routingKey: queue },
  }
}

function ordered(properties: Omit<MessageProperties, 'contentType' | 'contentEncoding'>) {
  const { correlationId, replyTo, expiration, deliveryMode, priority: _, ...others } = properties
  return {
    correlation_id: correlationId,
    reply_to: replyTo,
    ...amqpProperties(others),
    delivery_mode: deliveryMode,
    expiration,
  }
}

function readProperties(properties: Dict): Dict {
  return Object.fromEntries(
    Object.entries(properties).filter(
      ([name, value]) =>
        (TEXT_PROPERTIES.has(name) && typeof value === 'string') ||
        (NUMBER_PROPERTIES.has(name) && typeof value === 'number'),
    ),
  )
}

/** Options that Celery does not know travel as properties here; elsewhere, and in ours, they are headers. */
function withUnknown(headers: Dict, properties: Dict): Dict {
  const isKnown = (name: string): boolean =>
    OF_TRANSPORT.has(name) || TEXT_PROPERTIES.has(name) || NUMBER_PROPERTIES.has(name)
  const { MessageGroupId: group, ...others } = properties
  const named = group === undefined ? others : { ...others, [FAIRNESS_HEADER]: group }
  const unknown = Object.entries(named).filter(
    ([name, value]) => !isKnown(name) && value !== null && !Object.hasOwn(headers, name),
  )
  return unknown.length === 0 ? headers : { ...headers, ...Object.fromEntries(unknown) }
}

function routeIn(info: unknown, queue: string): Route {
  if (!isRecord(info)) return { exchange: '', routingKey: queue }
  const { exchange, routing_key: routingKey } = info
  return {
    exchange: typeof exchange === 'string' ? exchange : '',
    routingKey: typeof routingKey === 'string' ? routingKey : queue,
  }
}

/** What says that it is base64, and is not, stays as it came: so it is kept, and can be looked at. */
function bodyOf(body: string, encoding: unknown): Buffer {
  const isEncoded = encoding === 'base64' && !NO_BASE64.test(body)
  return isEncoded ? Buffer.from(body, 'base64') : Buffer.from(body)
}

const NO_BASE64 = /[^A-Za-z\d+/=_\-\s]/

/** As kombu: where it is base64 of UTF-8, that is meant. */
function withoutBase64(text: string): string {
  const candidate = text.trim()
  if (candidate === '' || !BASE64.test(candidate)) return text
  return utf8Text(Buffer.from(candidate, 'base64')) ?? text
}

/** Undefined where it is no UTF-8. */
function utf8Text(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

function parsed(text: string): unknown {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    return decodeJson(text, { plainObjects: true })
  } catch {
    // Not JSON, so it is text of another program.
    return undefined
  }
}

type Dict = Readonly<Record<string, unknown>>
