import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { envelope, openEnvelope } from '../../../src/brokers/sqs/messages/envelope.ts'
import { sqsQueueName } from '../../../src/brokers/sqs/queues/queue-name.ts'

const FOLDER = join(import.meta.dirname, '../../fixtures/celery')

test.each([
  'sqs-standard',
  'sqs-chain',
  'sqs-compressed',
  'sqs-countdown',
  'sqs-expires',
  'sqs-fifo',
  'sqs-no-outer-base64',
  'sqs-pickle',
  'sqs-predefined',
  'sqs-priority',
  'sqs-unicode',
])('%s: what kombu sent is read, and written again byte for byte', (name) => {
  for (const body of recorded(name)) {
    const { message, route } = openEnvelope(body, 'celery')
    const plain = body.startsWith('{') ? body : Buffer.from(body, 'base64').toString()
    const deliveryTag = /"delivery_tag": "([^"]+)"/.exec(plain)?.[1] ?? ''
    const isBase64 = !body.startsWith('{')
    expect(envelope(message, route, { isBase64, deliveryTag })).toBe(body)
  }
})

test.each(['utf-8', null] as const)(
  'with body_encoding %s the body is text, as kombu writes it',
  (bodyEncoding) => {
    const route = { exchange: '', routingKey: 'celery' }
    const message = { headers: {}, properties: {}, body: Buffer.from('[["ä"], {}, {}]') }
    const options = { isBase64: false, bodyEncoding, deliveryTag: 'tag' }
    const text = envelope(message, route, options)
    expect(JSON.parse(text)).toMatchObject({
      body: '[["ä"], {}, {}]',
      properties: { body_encoding: bodyEncoding },
    })
    expect(openEnvelope(text, 'celery').message.body).toEqual(message.body)
    const bytes = { ...message, body: Buffer.from([0, 255]) }
    expect(openEnvelope(envelope(bytes, route, options), 'celery').message.body).toEqual(bytes.body)
  },
)

test('each form that kombu understands is understood alike', () => {
  for (const { Body, headers, decoded, delivery_info: info } of behaviours()) {
    const { message, route } = openEnvelope(Body, 'celery')
    expect(message.headers).toEqual(headers)
    expect(route.routingKey).toBe(info.routing_key ?? 'celery')
    const text = message.body.toString()
    if (typeof decoded === 'string') expect(text).toBe(decoded)
    else if (decoded !== null && decoded !== undefined) expect(JSON.parse(text)).toEqual(decoded)
  }
})

test('options that Celery does not know, and that travel as properties, are headers here; a group is a fairness key', () => {
  const [body = ''] = recorded('sqs-unknown-options')
  expect(openEnvelope(body, 'celery').message.headers).toMatchObject({
    creator_id: 7,
    is_result: true,
  })
  const [fair = ''] = recorded('sqs-fair-queue-group')
  expect(openEnvelope(fair, 'celery').message.headers).toMatchObject({ fairness_key: 'tenant-1' })
})

test.each([
  ['', 'nothing'],
  ['[1, 2]', 'a list'],
  ['{"properties": 5}', 'properties that are none'],
  ['{"properties": {}, "headers": []}', 'headers that are a list'],
  ['{"properties": {}, "body": {}}', 'a body that is no text'],
  ['{"Type": "Notification", "Message": "x"}', 'a notification of SNS'],
  ['{"body": "', 'half a document'],
])('%s is text of somebody else (%s)', (text) => {
  const { message, route } = openEnvelope(text, 'work')
  expect(message).toEqual({ headers: {}, properties: {}, body: Buffer.from(text) })
  expect(route).toEqual({ exchange: '', routingKey: 'work' })
})

test('the names of queues are those of kombu', () => {
  const { names } = JSON.parse(readFileSync(join(FOLDER, 'sqs-name-table.json'), 'utf8')) as {
    names: Record<string, { plain: string; with_prefix: string }>
  }
  for (const [name, { plain, with_prefix: prefixed }] of Object.entries(names)) {
    expect(sqsQueueName(name, '')).toBe(plain)
    expect(sqsQueueName(name, 'dev-')).toBe(prefixed)
  }
})

test('a body that is no base64, though it is said to be, stays as it came', () => {
  const bodyOf = (body: string) => {
    const text = JSON.stringify({ body, headers: {}, properties: { body_encoding: 'base64' } })
    return openEnvelope(text, 'celery').message.body.toString()
  }
  expect(bodyOf('[[], {}, {}]')).toBe('[[], {}, {}]')
  expect(bodyOf('aGVs\nbG8')).toBe('hello')
})

function recorded(name: string): readonly string[] {
  const vector = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as {
    send_message: readonly { params: { MessageBody: string } }[]
  }
  return vector.send_message.map(({ params }) => params.MessageBody)
}

interface Behaviour {
  readonly Body: string
  readonly headers: unknown
  readonly decoded: unknown
  readonly delivery_info: { readonly routing_key?: string }
}

function behaviours(): readonly Behaviour[] {
  const text = readFileSync(join(FOLDER, 'sqs-consumer-behaviour.json'), 'utf8')
  return (JSON.parse(text) as { cases: readonly Behaviour[] }).cases
}
