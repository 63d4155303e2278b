import { expect, test } from 'vitest'
import type { Delivery } from '../../../src/brokers/broker.ts'
import { deadLetterMessage } from '../../../src/brokers/dead-letters/dead-letter-message.ts'
import { encodeTable } from '../../../src/brokers/headers/write-table.ts'

const WHY = { code: 'TASK_REJECTED', reason: 'it cannot be run' }

test.each<[string, Record<string, unknown>, readonly string[]]>([
  ['headers that would send copies elsewhere', { CC: ['x'], BCC: ['y'], id: 'a' }, ['CC', 'BCC']],
  ['a time that JavaScript cannot tell', { at: new Date(Number.NaN) }, ['at']],
  ['a number that is none', { deep: { n: Number.NaN } }, ['deep']],
  ['a name of more than 255 bytes', { ['n'.repeat(300)]: 1 }, ['nnn']],
  ['a text of 33 kB', { task: 't'.repeat(33_000) }, ['task']],
  ['a text larger than any header table', { task: 'ü'.repeat(200_000) }, ['task']],
  [
    'very many headers',
    Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`header-${n}`, 'x'.repeat(50)])),
    ['and'],
  ],
  ['very many texts that are too long', manyTexts(), ['and']],
])('a dead letter can be sent whatever its headers hold: %s', (_, headers, cut) => {
  const letter = deadLetterMessage(deliveryOf(headers), WHY)
  expect(encodeTable(letter.headers).length).toBeLessThan(60_000)
  expect(Object.keys(letter.headers)).not.toContain('CC')
  for (const name of cut) {
    expect(letter.headers['x-dlq-reason']).toContain(name)
    expect(letter.headers['x-dlq-cut']).toContain(name)
  }
})

test('what a broker takes is kept as it is, with the user it came from in a header', () => {
  const headers = { id: 'a', task: 'b', nested: { deep: [1, 'two', null] }, 'x-dlq-code': 'OLD' }
  const letter = deadLetterMessage(deliveryOf(headers, { userId: 'guest', expiration: '1' }), WHY)
  expect(letter.headers).toMatchObject({
    ...headers,
    'x-dlq-code': 'TASK_REJECTED',
    'x-dlq-reason': 'it cannot be run',
    'x-dlq-user-id': 'guest',
  })
  expect(letter.properties).toEqual({ deliveryMode: 2 })
})

test('properties and names that are longer than AMQP has them are cut, so that the letter can be sent', () => {
  const long = 'ü'.repeat(300_000)
  const properties = {
    correlationId: long,
    replyTo: 'r'.repeat(255),
    userId: long,
    priority: 1e308,
  }
  const route = { exchange: long, routingKey: long }
  const letter = deadLetterMessage({ ...deliveryOf({}, properties), route }, WHY)
  expect(encodeTable(letter.headers).length).toBeLessThan(2_000)
  expect(encodeTable({ ...letter.properties }).length).toBeLessThan(600)
  expect(letter.properties).toMatchObject({ replyTo: 'r'.repeat(255), priority: 1e308 })
  expect(letter.headers['x-dlq-cut']).toBe('correlation_id')
  expect(letter.headers['x-dlq-reason']).toContain('correlation_id')
})

test('a dead letter is without the counts of the quorum queue that it died in', () => {
  const letter = deadLetterMessage(deliveryOf({ id: 'a', 'x-delivery-count': 3 }), WHY)
  expect(letter.headers).not.toHaveProperty('x-delivery-count')
  expect(letter.headers).not.toHaveProperty('x-dlq-cut')
})

test('a reason without end is shortened', () => {
  const letter = deadLetterMessage(deliveryOf({}), { ...WHY, reason: 'x'.repeat(1_000_000) })
  expect(String(letter.headers['x-dlq-reason']).length).toBeLessThan(2_100)
})

function manyTexts(): Record<string, unknown> {
  const texts = Array.from({ length: 300 }, (_, n) => [`header-${n}`, 'x'.repeat(40_000)])
  return Object.fromEntries(texts)
}

function deliveryOf(headers: Record<string, unknown>, properties = {}): Delivery {
  const delivery = {
    message: { headers, properties, body: Buffer.from('body') },
    queue: 'work',
    route: { exchange: 'tasks', routingKey: 'work' },
  }
  return delivery as unknown as Delivery // the fields that a letter is made of
}
