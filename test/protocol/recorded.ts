import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Headers, Message, MessageProperties } from '../../src/protocol/message.ts'

const FIXTURES = resolve(import.meta.dirname, '../fixtures/celery')

/** One entry of index.json: what a recorded file is about. */
export interface IndexEntry {
  readonly name: string
  readonly category: string
}

/** A message as the recordings hold it. */
export interface RawMessage {
  readonly exchange: string
  readonly routing_key: string
  readonly properties: Readonly<Record<string, string | number>>
  readonly headers: Headers
  readonly body: string
  readonly body_encoding: 'utf-8' | 'base64'
}

/** A recorded message, and where in which file it stands. */
export interface RecordedMessage {
  readonly vector: string
  readonly label: string
  readonly message: Message
  readonly exchange: string
  readonly routingKey: string
}

const PROPERTY_NAMES: Readonly<Record<string, keyof MessageProperties>> = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  delivery_mode: 'deliveryMode',
  priority: 'priority',
  correlation_id: 'correlationId',
  reply_to: 'replyTo',
  expiration: 'expiration',
}

/** Python wrote the recordings, and to Python NaN is JSON; each value stands on a line of its own. */
const NO_JSON = /^(\s*(?:"[^"]*": )?)-?(?:NaN|Infinity)(?=,?$)/gm

export const index: readonly IndexEntry[] = readRecording<{ vectors: IndexEntry[] }>(
  'index',
).vectors

export function readRecording<Shape>(name: string): Shape {
  const text = readFileSync(join(FIXTURES, `${name}.json`), 'utf8')
  return JSON.parse(text.replace(NO_JSON, '$1null')) as Shape
}

/** The names of all recordings of a category. */
export function recordingsOf(categories: readonly string[]): string[] {
  return index.filter(({ category }) => categories.includes(category)).map(({ name }) => name)
}

/** Every message a recording holds, wherever in it. */
export function messagesIn(vector: string): RecordedMessage[] {
  return [...rawMessagesIn(readRecording<unknown>(vector), [])].map(([path, raw]) => ({
    vector,
    label: [vector, ...path].join('.'),
    message: messageOf(raw),
    exchange: raw.exchange,
    routingKey: raw.routing_key,
  }))
}

export function messageOf(raw: RawMessage): Message {
  return {
    headers: raw.headers,
    properties: propertiesOf(raw.properties),
    body: Buffer.from(raw.body, raw.body_encoding === 'base64' ? 'base64' : 'utf8'),
  }
}

export function propertiesOf(raw: RawMessage['properties']): MessageProperties {
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => {
      const known = PROPERTY_NAMES[name]
      if (known === undefined) throw new Error(`a recording has the unknown property ${name}`)
      return [known, value]
    }),
  )
}

function* rawMessagesIn(
  value: unknown,
  path: readonly string[],
): Generator<[readonly string[], RawMessage]> {
  if (typeof value !== 'object' || value === null) return
  if ('routing_key' in value && 'headers' in value && 'body' in value) {
    yield [path, value as RawMessage]
    return
  }
  for (const [key, part] of Object.entries(value)) yield* rawMessagesIn(part, [...path, key])
}
