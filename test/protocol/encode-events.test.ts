import { describe, expect, test } from 'vitest'
import { decodeJson } from '../../src/codecs/json/json.ts'
import {
  encodeEvents,
  encodePlatformEvents,
  groupOf,
} from '../../src/protocol/events/encode-events.ts'
import { type CeleryEvent, EVENTS_HEADER } from '../../src/protocol/events/events.ts'
import { messagesIn, recordingsOf } from './recorded.ts'

/** A client's recording holds the message of the task as well. */
const recorded = [...recordingsOf(['events']), 'compat52-events']
  .flatMap(messagesIn)
  .filter(({ exchange }) => exchange === 'celeryev')

test('there are recordings of every kind of event', () => {
  const keys = new Set(recorded.map(({ routingKey }) => routingKey))
  expect([...keys].sort()).toEqual([
    'task.failed',
    'task.multi',
    'task.received',
    'task.rejected',
    'task.retried',
    'task.revoked',
    'task.sent',
    'task.started',
    'task.succeeded',
    'worker.heartbeat',
    'worker.offline',
    'worker.online',
  ])
})

describe.each(recorded)('$label', ({ message, exchange, routingKey }) => {
  const events = decodeJson(message.body.toString()) as CeleryEvent | CeleryEvent[]
  const hostname = String(message.headers.hostname)
  const ours = encodeEvents(events, { hostname, exchange, serializer: 'json' })

  test('is sent by us as Python sends it', () => {
    expect(ours.route).toEqual({ exchange, routingKey })
    expect(ours.message.headers).toEqual(message.headers)
    expect({ ...ours.message.properties, deliveryMode: 1 }).toEqual(message.properties)
    expect(JSON.parse(ours.message.body.toString())).toEqual(JSON.parse(message.body.toString()))
  })
})

test('events can be written in another serializer, and for another exchange', () => {
  const { message, route } = encodeEvents(
    { type: 'task-started', uuid: 'a' },
    { hostname: 'w@h', exchange: 'watch', serializer: 'msgpack' },
  )
  expect(route).toEqual({ exchange: 'watch', routingKey: 'task.started' })
  expect(message.properties.contentType).toBe('application/x-msgpack')
})

test('events outlive a restart of the broker, but not heartbeats, which are of no use then', () => {
  const modeOf = (events: CeleryEvent | readonly CeleryEvent[]) =>
    encodeEvents(events, { hostname: 'w@h', exchange: 'celeryev', serializer: 'json' }).message
      .properties.deliveryMode
  expect(modeOf([{ type: 'task-succeeded', uuid: 'a' }])).toBe(2)
  expect(modeOf({ type: 'worker-offline' })).toBe(2)
  expect(modeOf({ type: 'invoice-paid' })).toBe(2)
  expect(modeOf({ type: 'worker-heartbeat' })).toBe(1)
})

test('every dash of a type is a dot of its routing key', () => {
  const event = { type: 'invoice-line-added' }
  const { route } = encodeEvents(event, { hostname: 'h', exchange: 'e', serializer: 'json' })
  expect(route.routingKey).toBe('invoice.line.added')
  expect(groupOf('invoice-line-added')).toBe('invoice')
})

test('where there is no exchange of events they go to the platform queue alone, marked, and stay', () => {
  const { message, route } = encodePlatformEvents([{ type: 'task-started', uuid: 'a' }], {
    hostname: 'w@h',
    platformQueue: 'platform.fifo',
  })
  expect(route).toEqual({ exchange: '', routingKey: 'platform.fifo' })
  expect(message.headers).toEqual({ hostname: 'w@h', [EVENTS_HEADER]: 1 })
  expect(message.properties.deliveryMode).toBe(2)
  expect(JSON.parse(message.body.toString())).toEqual([{ type: 'task-started', uuid: 'a' }])
})
