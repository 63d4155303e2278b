import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Broker } from '../../src/brokers/broker.ts'
import { EVENTS_HEADER } from '../../src/protocol/events/events.ts'
import type { Message } from '../../src/protocol/message.ts'

const FOLDER = join(import.meta.dirname, '../fixtures/celery')

/** A message as it stands in a recorded vector. */
export interface RecordedMessage {
  readonly exchange: string
  readonly routing_key: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** The messages of a recorded vector, by its name. */
export function recordedMessages(name: string): readonly RecordedMessage[] {
  const vector = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as {
    readonly message?: RecordedMessage
    readonly messages?: readonly RecordedMessage[]
  }
  return [...(vector.message === undefined ? [] : [vector.message]), ...(vector.messages ?? [])]
}

/** A message of ours in the form of a recorded one. */
export function asRecorded(message: Message): Omit<RecordedMessage, 'exchange' | 'routing_key'> {
  const { properties } = message
  const all = {
    content_type: properties.contentType,
    content_encoding: properties.contentEncoding,
    delivery_mode: properties.deliveryMode,
    priority: properties.priority,
    correlation_id: properties.correlationId,
    reply_to: properties.replyTo,
    expiration: properties.expiration,
  }
  const present = Object.entries(all).filter(([, value]) => value !== undefined)
  return {
    properties: Object.fromEntries(present),
    headers: message.headers,
    body: message.body.toString(),
  }
}

/** Takes the calls that were mirrored to the platform queue, in order. */
export async function mirrored(broker: Broker): Promise<ReturnType<typeof asRecorded>[]> {
  const messages: ReturnType<typeof asRecorded>[] = []
  for (;;) {
    const delivery = await broker.get('platform.fifo')
    if (delivery === undefined) return messages
    // Workers tell there of what becomes of tasks.
    if (!(EVENTS_HEADER in delivery.message.headers)) messages.push(asRecorded(delivery.message))
    await delivery.ack()
  }
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00/g

/**
 * Messages without what is bound to differ (lang and origin; ids and times by name, in the order they turn up), as
 * text that can be compared. `without` leaves out more headers.
 */
export function comparable(
  messages: readonly Omit<RecordedMessage, 'exchange' | 'routing_key'>[],
  { without = [] }: { readonly without?: readonly string[] } = {},
): unknown[] {
  const left = new Set(['lang', 'origin', ...without])
  const shown = messages.map(({ properties, headers, body }) => ({
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !left.has(name))),
    body: JSON.parse(body) as unknown,
    properties,
  }))
  const names = new Map<string, string>()
  const named = JSON.stringify(sorted(shown))
    .replace(UUID, (id) => {
      const name = names.get(id) ?? `id-${names.size + 1}`
      names.set(id, name)
      return name
    })
    .replace(TIME, 'a time')
  return JSON.parse(named) as unknown[]
}

/** The same value with the keys of every object in order: their order means nothing, and ids are named by it. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([one], [other]) => one.localeCompare(other))
  return Object.fromEntries(entries.map(([name, inner]) => [name, sorted(inner)]))
}
