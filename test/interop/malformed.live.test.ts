import { expect, test } from 'vitest'
import type { Broker } from '../../src/brokers/broker.ts'
import type { CeleryApp } from '../../src/index.ts'
import type { Message } from '../../src/protocol/message.ts'
import {
  BASE_HEADERS,
  EXPECTED,
  type MalformedCase,
  malformedCases,
  messageOf,
} from '../protocol/malformed-matrix.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp, startMonitor } from '../support/live-app.ts'
import { waitFor } from '../support/wait-for.ts'

const ROUTE = { exchange: 'task_exchange', routingKey: 'proj' }
const MEBIBYTE = 1024 * 1024
const cases = malformedCases()

/** What the matrix does not have: large bodies, a pickle that would run a command, headers that are no headers. */
const EXTRA: Readonly<Record<string, { message: Message; reason: RegExp; code: string }>> = {
  'five megabytes of no JSON': {
    message: task('large', Buffer.alloc(5 * MEBIBYTE, 'x')),
    code: 'MESSAGE_UNDECODABLE',
    reason: /JSON/,
  },
  'a pickle that runs a command': {
    message: task('pickle', Buffer.from("cos\nsystem\n(S'touch executed'\ntR."), {
      contentType: 'application/x-python-serialize',
      contentEncoding: 'binary',
    }),
    code: 'CONTENT_DISALLOWED',
    reason: /pickle, which is never executed/,
  },
  'ten thousand brackets': {
    message: task('nested', Buffer.from('['.repeat(10_000))),
    code: 'MESSAGE_UNDECODABLE',
    reason: /./,
  },
  'kwargs with wrong types, and an id that is a table': {
    message: task({ nested: [1] }, Buffer.from('[[], {}, {}]')),
    code: 'MESSAGE_INVALID',
    reason: /id is/,
  },
  'nothing at all': {
    message: { headers: {}, properties: {}, body: Buffer.alloc(0) },
    code: 'CONTENT_DISALLOWED',
    reason: /content_type is missing/,
  },
}

test('a worker outlives every malformed message: it keeps each with what is wrong, and runs what Python runs', async () => {
  const servers = await freshServers(['proj'])
  const app = projectApp(liveApp(servers))
  await app.setUp()
  for (const one of cases) await app.broker().publish(named(one), ROUTE)
  for (const [label, { message }] of Object.entries(EXTRA)) {
    await app.broker().publish(labelled(message, label), ROUTE)
  }
  const large = await app.sendTask('proj.tasks.length', ['x'.repeat(5 * MEBIBYTE)])
  const last = await app.sendTask('proj.tasks.add', [1, 1])
  const worker = await startWorker(app)
  expect(await large.get({ timeoutMs: 20_000 })).toBe(5 * MEBIBYTE)
  expect(await last.get({ timeoutMs: 20_000 })).toBe(2)

  const refused = cases.filter(isKept)
  const keptCount = refused.length + Object.keys(EXTRA).length
  await waitFor('the kept messages', async () => {
    return (await app.broker().depth('dlq.proj')).messages === keptCount
  })
  const kept = await drained(app.broker(), 'dlq.proj')
  for (const one of refused) {
    const message = kept.get(one.label)
    expect([one.label, message?.body]).toEqual([one.label, named(one).body])
    expect([one.label, message?.headers]).toMatchObject([one.label, expectedMarks(one)])
  }
  for (const [label, { message, code, reason }] of Object.entries(EXTRA)) {
    expect(kept.get(label)?.body.equals(message.body)).toBe(true)
    const headers = { 'x-dlq-code': code, 'x-dlq-reason': expect.stringMatching(reason) }
    expect([label, kept.get(label)?.headers]).toMatchObject([label, headers])
  }

  for (const one of cases.filter(hasResult)) {
    const id = idOf(one)
    await waitFor(`the result of "${one.label}"`, () => app.asyncResult(id).isReady())
    const { status, result } = await app.asyncResult(id).info()
    expect([one.label, { status, result }]).toMatchObject([one.label, expectedResult(one)])
  }
  await worker.stop()
  // The one whose time comes in the year 9999.
  expect((await app.broker().depth('proj')).messages).toBe(1)
})

test('a monitor outlives every malformed message: it records what can be read and quarantines the rest with the reason', async () => {
  const servers = await freshServers(['proj'])
  const app = liveApp(servers)
  await app.setUp()
  const extra = Object.entries(EXTRA)
  const messages = [
    ...cases.map(named),
    ...extra.map(([label, { message }]) => labelled(message, label)),
  ]
  await app.broker().publishMany(messages.map((message) => ({ message, route: ROUTE })))
  const database = await startMonitor(servers)
  await waitFor('every message', async () => {
    const [seen] = await database.query<{ count: number }>(
      `select (select count(*) from monitor.message)::int + (select count(*) from monitor.quarantine)::int as count`,
    )
    return seen?.count === messages.length
  })

  const quarantined = await database.query<Quarantined>(
    `select properties ->> 'message_id' as label, code, reason, body from monitor.quarantine`,
  )
  const unreadable = cases.filter((one) => 'refused' in EXPECTED[one.label]! && !isYaml(one))
  expect(new Set(quarantined.map(({ label }) => label))).toEqual(
    new Set([...unreadable.map(({ label }) => label), ...extra.map(([label]) => label)]),
  )
  for (const { label, code, reason, body } of quarantined) {
    const message = messages.find(({ properties }) => properties.messageId === label)
    expect([label, body.equals(message!.body)]).toEqual([label, true])
    expect([label, code, reason]).toEqual([label, ...expectedQuarantine(label)])
  }

  const recorded = await database.query<{ task_id: string }>('select task_id from monitor.task')
  const ids = new Set(recorded.map((row) => row.task_id))
  const readable = cases.filter((one) => !unreadable.includes(one))
  expect(readable.filter((one) => !ids.has(idOf(one))).map(({ label }) => label)).toEqual([])
  const after = await app.sendTask('proj.tasks.add', [1, 1])
  await waitFor('the next message', async () => {
    const rows = await database.query('select from monitor.task where task_id = $1', [after.id])
    return rows.length === 1
  })
})

interface Quarantined {
  readonly label: string
  readonly code: string
  readonly reason: string
  readonly body: Buffer
}

function projectApp(app: CeleryApp): CeleryApp {
  app.task('proj.tasks.add', { params: ['x', 'y'] }, (x: number, y: number) => x + y)
  app.task('proj.tasks.mul', (x: number, y: number) => x * y)
  app.task('proj.tasks.echo', (value: unknown) => value)
  app.task('proj.tasks.noop', () => null)
  app.task('proj.tasks.length', (text: string) => text.length)
  app.task('proj.tasks.fail', (...args: unknown[]) => {
    throw new RangeError(args.join(' '))
  })
  app.task('proj.tasks.retry_noexc', { bind: true }, (self) => {
    if (self.request.retries === 0) throw self.retry({ countdown: 0 })
    return self.request.retries
  })
  return app
}

function task(id: unknown, body: Buffer, properties: Message['properties'] = {}): Message {
  return {
    headers: { ...BASE_HEADERS, id },
    properties: { contentType: 'application/json', contentEncoding: 'utf-8', ...properties },
    body,
  }
}

/** The message of a case under an id of its own, where it has one, and recognisable by its message id. */
function named(one: MalformedCase): Message {
  const { headers, properties, body } = messageOf(one)
  const ownId = idOf(one)
  const correlationId = isProtocol1(one) ? ownId : properties.correlationId
  return labelled(
    {
      headers: headers.id === BASE_HEADERS.id ? { ...headers, id: ownId } : headers,
      properties: { ...properties, ...(correlationId !== undefined && { correlationId }) },
      body: isProtocol1(one)
        ? Buffer.from(body.toString().replace('"id":"v1"', `"id":"${ownId}"`))
        : body,
    },
    one.label,
  )
}

function labelled(message: Message, label: string): Message {
  return { ...message, properties: { ...message.properties, messageId: label } }
}

function idOf({ label }: MalformedCase): string {
  if (label === 'id is a number') return '12345'
  return `case-${cases.findIndex((one) => one.label === label)}`
}

function isProtocol1({ label }: MalformedCase): boolean {
  return label.startsWith('protocol 1')
}

function isYaml({ label }: MalformedCase): boolean {
  return label === 'disallowed yaml content type'
}

/** Refused, or a task that nobody here knows. */
function isKept(one: MalformedCase): boolean {
  return 'refused' in EXPECTED[one.label]! || isUnregistered(one)
}

function isUnregistered({ label }: MalformedCase): boolean {
  return ['task header is a number', 'unregistered task'].includes(label)
}

function expectedMarks(one: MalformedCase): Record<string, unknown> {
  const expected = EXPECTED[one.label]!
  const marks = { 'x-dlq-queue': 'proj', 'x-dlq-exchange': 'task_exchange' }
  return 'refused' in expected
    ? {
        ...marks,
        'x-dlq-code': expected.refused,
        'x-dlq-reason': expect.stringMatching(expected.because),
      }
    : {
        ...marks,
        'x-dlq-code': 'TASK_NOT_REGISTERED',
        'x-dlq-reason': expect.stringContaining(`"${one.changed_headers?.task}"`),
      }
}

function expectedQuarantine(label: string): unknown[] {
  const extra = EXTRA[label]
  if (extra !== undefined) return [extra.code, expect.stringMatching(extra.reason)]
  const expected = EXPECTED[label]!
  return 'refused' in expected ? [expected.refused, expect.stringMatching(expected.because)] : []
}

/** All that is run, but for the one that asks for no result and the one that waits. */
function hasResult(one: MalformedCase): boolean {
  const without = ['ignore_result true', 'eta far future year 9999']
  return !('refused' in EXPECTED[one.label]! || without.includes(one.label))
}

function expectedResult(one: MalformedCase): Record<string, unknown> {
  if (one.label === 'JSON number NaN') return { status: 'SUCCESS', result: Number.NaN }
  // Python cannot count retries that are null or a text; we can (docs/protocol.md).
  if (one.label.endsWith('on a task that calls retry()')) return { status: 'SUCCESS', result: 1 }
  // Python would send its result back, and has no address.
  if (one.label === 'no reply_to') return { status: 'SUCCESS', result: 3 }
  const { status = '', result } = one.result ?? {}
  return status === 'SUCCESS' ? { status, result } : { status }
}

async function drained(broker: Broker, queue: string): Promise<Map<string | undefined, Message>> {
  const messages = new Map<string | undefined, Message>()
  for (;;) {
    const delivery = await broker.get(queue)
    if (delivery === undefined || delivery === null) return messages
    messages.set(delivery.message.properties.messageId, delivery.message)
    await delivery.ack()
  }
}
