import { expect, test } from 'vitest'
import { identify } from '../../src/protocol/describe-message.ts'
import type { Message } from '../../src/protocol/message.ts'

const NOBODY = Buffer.from('')

test('a task message says in its headers which it is', () => {
  expect(identify(message({ headers: { id: 'x', task: 't' } }))).toEqual({ id: 'x', task: 't' })
  expect(identify(message({ headers: { id: 5, task: 't' } }))).toEqual({ id: '5', task: 't' })
})

test('a protocol 1 message says it in its body', () => {
  const body = Buffer.from('{"task": "t", "id": "x"}')
  expect(identify(message({ body }))).toEqual({ id: 'x', task: 't' })
})

test('where there is no id the correlation id stands in', () => {
  const properties = { contentType: 'application/json', correlationId: 'c' }
  expect(identify(message({ headers: { task: 't' }, properties }))).toEqual({ id: 'c', task: 't' })
})

test.each([
  ['no JSON', '{"task": '],
  ['a list', '[1]'],
  ['a body too long to search', `{"task": "t", "x": "${'x'.repeat(70_000)}"}`],
  ['fields of other types', '{"task": [], "id": {}}'],
])('a message with %s is nobody known', (_, body) => {
  expect(identify(message({ body: Buffer.from(body) }))).toEqual({ id: null, task: null })
})

test('headers that cannot be read are no reason to fail', () => {
  const headers = Object.defineProperty({}, 'task', {
    get: () => {
      throw new Error('no')
    },
  })
  expect(identify(message({ headers }))).toEqual({ id: null, task: null })
})

function message(parts: Partial<Message>): Message {
  return { headers: {}, properties: { contentType: 'application/json' }, body: NOBODY, ...parts }
}
