import { describe, expect, test } from 'vitest'
import { encodeMsgpack } from '../../src/codecs/msgpack/msgpack.ts'
import { writePickle } from '../../src/codecs/pickle/pickle-writer.ts'
import { encodeYaml } from '../../src/codecs/yaml/yaml.ts'
import { readEvents } from '../../src/protocol/events/decode-events.ts'
import type { CeleryEvent } from '../../src/protocol/events/events.ts'
import type { Message } from '../../src/protocol/message.ts'
import { messagesIn, recordingsOf } from './recorded.ts'

const STARTED = { type: 'task-started', uuid: 'a', hostname: 'w1@host', timestamp: 1795295719.5 }

const recorded = [...recordingsOf(['events']), 'compat52-events']
  .flatMap(messagesIn)
  .filter(({ exchange }) => exchange === 'celeryev')

test('there are recordings of events to read', () => {
  expect(recorded.length).toBeGreaterThan(20)
})

describe('events that Python sent are read, one by one or in lists', () => {
  test.each(recorded.map((one) => [one.label, one] as const))(
    '%s',
    (_label, { message, routingKey }) => {
      const sent: unknown = JSON.parse(message.body.toString())
      const events = decodeEvents(message)
      expect(events).toEqual(Array.isArray(sent) ? sent : [sent])
      const types = events.map(({ type }) => type.replace('-', '.'))
      expect(types.every((type) => type === routingKey || routingKey === 'task.multi')).toBe(true)
    },
  )
})

test.each([
  ['application/x-msgpack', 'binary', encodeMsgpack([STARTED])],
  ['application/x-yaml', 'utf-8', Buffer.from(encodeYaml([STARTED]))],
])(
  '%s is read as well, as event_serializer may be set so',
  (contentType, contentEncoding, body) => {
    const message = { headers: {}, properties: { contentType, contentEncoding }, body }
    expect(decodeEvents(message)).toEqual([STARTED])
  },
)

test('a pickle is never opened', () => {
  const properties = { contentType: 'application/x-python-serialize', contentEncoding: 'binary' }
  const message = { headers: {}, properties, body: writePickle([STARTED]) }
  expect(() => decodeEvents(message)).toThrow('pickle, which is never executed')
})

test.each<[string, unknown, string]>([
  ['no object', 'text', "the event is 'text', expected an object"],
  ['nothing', null, 'the event is null, expected an object'],
  ['without a type', { timestamp: 1 }, 'type is missing, expected a text, as "task-started"'],
  ['of another type of type', { type: 7, timestamp: 1 }, 'type is 7, expected a text'],
  ['without a time', { type: 'a-b' }, 'timestamp of a-b is missing, expected seconds since 1970'],
  ['with text for a time', { type: 'a-b', timestamp: 'now' }, "timestamp of a-b is 'now'"],
  [
    'beyond all calendars',
    { type: 'a-b', timestamp: 1e18 },
    'timestamp of a-b is 1000000000000000000',
  ],
  [
    'of no task',
    { type: 'task-started', timestamp: 1 },
    'uuid is missing, expected a text that is not empty',
  ],
  ['of no worker', { type: 'worker-online', timestamp: 1 }, 'hostname is missing'],
])(
  'an event that is %s is refused, naming what is wrong and showing it',
  (_what, event, problem) => {
    expect(() => decodeEvents(json(event))).toThrow(problem)
  },
)

test('a broken body is refused', () => {
  const broken = { ...json(0), body: Buffer.from('[{"type"') }
  expect(() => decodeEvents(broken)).toThrow(
    expect.objectContaining({ code: 'MESSAGE_UNDECODABLE' }),
  )
})

test('one bad event does not spoil those it travels with', () => {
  const { events, problem } = readEvents(json([STARTED, { type: 'task-started' }, STARTED]))
  expect(events).toEqual([STARTED, STARTED])
  expect(problem).toMatchObject({
    code: 'MESSAGE_INVALID',
    message: 'event 2 of 3: timestamp of task-started is missing, expected seconds since 1970',
  })
})

test('a key that would change prototypes is a field like any other', () => {
  const body = Buffer.from('{"type": "a-b", "timestamp": 1, "__proto__": {"polluted": true}}')
  const [event] = decodeEvents({ ...json(0), body })
  expect(Object.keys(event ?? {})).toContain('__proto__')
  expect('polluted' in (event ?? {})).toBe(false)
})

function json(body: unknown): Message {
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  return { headers: {}, properties, body: Buffer.from(JSON.stringify(body)) }
}

function decodeEvents(message: Message): readonly CeleryEvent[] {
  const { events, problem } = readEvents(message)
  if (problem !== null) throw problem
  return events
}
