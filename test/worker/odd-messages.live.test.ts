import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import type * as Amqplib from 'amqplib'
import { expect, onTestFinished, test } from 'vitest'
import type { Broker } from '../../src/brokers/broker.ts'
import { encodeTable } from '../../src/brokers/headers/write-table.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { encodeJson } from '../../src/codecs/json/json.ts'
import type { Database } from '../../src/database/database.ts'
import type { CeleryApp } from '../../src/index.ts'
import type { Message, Route } from '../../src/protocol/message.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { COMMAND, EVENT, EVENT_TYPES, OBJECTS, spoiled, TASK } from '../protocol/spoiled.ts'
import { freshServers, liveApp, type Servers, startMonitor } from '../support/live-app.ts'
import { hasNothingWaiting } from '../support/rabbitmq.ts'
import { waitFor } from '../support/wait-for.ts'

const TASKS: Route = { exchange: 'task_exchange', routingKey: 'odd' }
const MINUTE = 60_000

/** What may stand in the place of any value. */
const ODD: readonly unknown[] = [
  ...OBJECTS,
  'a\0b',
  '',
  1e308,
  -1,
  2 ** 53,
  true,
  [],
  {},
  'x'.repeat(300),
]
/** And what JSON alone may hold. */
const ODD_JSON: readonly unknown[] = [...ODD, Number.NaN, Number.POSITIVE_INFINITY, 10n ** 400n]

test('tasks with any value in the place of another run or are kept, once, and the next one runs', {
  timeout: 3 * MINUTE,
}, async () => {
  const place = await openPlace()
  const plain = encodeTask({ id: 'x', task: 'odd.take', args: [] })
  const whole = { ...TASK, task: 'odd.take', timelimit: [null, null] }
  const messages = [
    ...[...spoiled(whole, ODD)].map((headers) => ({ ...plain, headers })),
    ...[
      ...spoiled(
        { ...whole, args: [], kwargs: {}, callbacks: null, chain: null, chord: null },
        ODD_JSON,
      ),
    ].map(json),
    ...[...spoiled({ callbacks: null, errbacks: null, chain: null, chord: null }, ODD_JSON)].map(
      (embed) => ({
        ...plain,
        body: Buffer.from(encodeJson([[], {}, embed])),
      }),
    ),
  ]
  await place.publish(messages)
  // Of two messages that are the same to the byte, one is taken for a copy of the other.
  await place.settled(new Set(messages.map(bytesOf)).size)
  const refused = messages.filter((message) => !isRun(message))
  expect((await place.kept()).toSorted(byText)).toEqual(
    refused.map(({ body }) => body.toString()).toSorted(byText),
  )
  await place.works()
})

test('events and commands with any value in the place of another stop neither monitor nor worker', {
  timeout: 3 * MINUTE,
}, async () => {
  const place = await openPlace()
  const { event_exchange: exchange, control_exchange: control } = place.app.config
  const events = EVENT_TYPES.flatMap((type) => [...spoiled({ ...EVENT, type }, ODD_JSON)])
  await place.publish(events.map(json), { exchange, routingKey: 'task.any' })
  const outcomes = [...spoiled({ ...EVENT, type: 'task-succeeded' }.outcome, ODD_JSON)]
  await place.publish(
    outcomes.map((outcome, at) =>
      json({ ...EVENT, type: 'task-succeeded', uuid: `o${at}`, outcome }),
    ),
    { exchange, routingKey: 'task.succeeded' },
  )
  const commands = ['revoke', 'rate_limit', 'time_limit', 'ping', 'query_task', 'no such'].flatMap(
    (method) => [
      ...spoiled({ ...COMMAND, method, destination: null, pattern: null, matcher: null }, ODD_JSON),
    ],
  )
  await place.publish(commands.map(json), { exchange: `${control}.pidbox`, routingKey: '' })
  await place.settled(0)
  expect(await place.app.control.inspect().ping()).not.toEqual({})
  await place.works()
})

test('headers of any kind that AMQP has are kept with their message, once', {
  timeout: 3 * MINUTE,
}, async () => {
  const place = await openPlace()
  // The id comes first: of a table that cannot be read to its end, what comes before is read.
  const tables = HEADERS.map((headers, at) => ({ id: `odd-${at}`, ...headers }))
  await place.publishRaw(tables)
  await place.settled(tables.length)
  expect(await place.kept()).toHaveLength(tables.length)
  await place.works()
})

/** As the plain driver writes them. */
const HEADERS: readonly Record<string, unknown>[] = [
  { when: { '!': 'timestamp', value: 2 ** 62 } },
  { when: { '!': 'timestamp', value: 0 } },
  { number: { '!': 'decimal', value: { digits: 314, places: 2 } } },
  { number: { '!': 'decimal', value: { digits: 1, places: 255 } } },
  {
    number: { '!': 'float', value: 1.5 },
    byte: { '!': 'byte', value: -1 },
    short: { '!': 'short', value: 1 },
  },
  { long: 2 ** 53, negative: -(2 ** 53), real: 1.5 },
  { nothing: null, truth: true, bytes: Buffer.alloc(20_000, 0xff) },
  { list: Array.from({ length: 5_000 }, (_, at) => at) },
  Object.fromEntries(Array.from({ length: 2_500 }, (_, at) => [`key-${at}`, 'a value'])),
  { deep: nested(90) },
  { deep: nested(2_000) },
  { lists: nestedLists(2_000) },
  JSON.parse(
    '{"__proto__": {"task": "odd.take"}, "constructor": {"prototype": 1}, "toString": 1, "hasOwnProperty": "x"}',
  ),
  { CC: ['odd'], BCC: ['odd'] },
  { 'x-death': 'no list', 'x-delivery-count': 'many', 'x-first-death-queue': { a: 1 } },
  {
    'x-dlq-code': { a: 1 },
    'x-dlq-reason': ['x'],
    'x-dlq-queue': 7,
    'x-dlq-time': null,
    'x-dlq-part': 'x/y',
  },
  { compression: ['application/x-gzip'], lang: { a: 1 }, argsrepr: 'r'.repeat(60_000) },
  { '': 'no name', ['k'.repeat(255)]: 'a long name' },
]

function nested(depth: number): unknown {
  return Array.from({ length: depth }).reduce<unknown>((inner) => ({ a: inner }), 1)
}

function nestedLists(depth: number): unknown {
  return Array.from({ length: depth }).reduce<unknown>((inner) => [inner], 1)
}

interface Place {
  readonly app: CeleryApp
  publish(messages: readonly Message[], route?: Route): Promise<void>
  publishRaw(tables: readonly object[]): Promise<void>
  /** Resolves once all are taken, none is in hands, and so many calls are on record. */
  settled(calls: number): Promise<void>
  /** The bodies of the dead letters, which stay. */
  kept(): Promise<string[]>
  /** A good call runs, and is on record. */
  works(): Promise<void>
}

async function openPlace(): Promise<Place> {
  const servers = await freshServers(['odd'])
  const { ledger: _, ...unaccounted } = servers
  const database = await startMonitor(unaccounted)
  const app = liveApp(unaccounted)
  const ran = new EventEmitter()
  const task = app.task(
    'odd.take',
    (word: unknown = '') => void ran.emit(String(typeof word === 'string' ? word : '')),
  )
  const worker = app.worker({ queues: ['odd'] })
  await worker.start()
  onTestFinished(() => worker.stop({ graceMs: 0 }))
  const broker = openBroker(servers.vhost)
  onTestFinished(() => broker.close())
  return {
    app,
    publish: (messages, route = TASKS) =>
      broker.publishMany(messages.map((message) => ({ message, route }))),
    publishRaw: (tables) => publishRaw(servers, tables),
    settled: async (calls) => {
      await waitFor('queues without messages', () => hasNothingWaiting(servers.vhost), {
        deadlineMs: 2 * MINUTE,
        everyMs: 500,
      })
      await expect.poll(() => recordedCalls(database), { timeout: 20_000 }).toBe(calls)
    },
    kept: () => deadLetters(broker),
    works: async () => {
      const done = new Promise((resolve) => ran.once('works', resolve))
      const call = await task.delay('works')
      await done
      await waitFor(
        'its record',
        async () =>
          (await database.query('select from monitor.task where task_id = $1', [call.id]))
            .length === 1,
      )
    },
  }
}

async function recordedCalls(database: Database): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    `select (select count(*) from monitor.message where exchange = 'task_exchange')
       + (select count(*) from monitor.quarantine where exchange = 'task_exchange') as count`,
  )
  return Number(row?.count)
}

async function deadLetters(broker: Broker): Promise<string[]> {
  const bodies: string[] = []
  for (;;) {
    const letter = await broker.get('dlq.odd').catch(() => undefined)
    if (letter === undefined) return bodies
    bodies.push(letter.message.body.toString())
    await letter.ack()
  }
}

function bytesOf({ headers, body }: Message): string {
  return encodeTable(headers).toString('latin1') + body.toString('latin1')
}

function isRun(message: Message): boolean {
  try {
    return decodeTask(message, ['json']).task === 'odd.take'
  } catch {
    return false
  }
}

function json(value: unknown): Message {
  return {
    headers: {},
    properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
    body: Buffer.from(encodeJson(value)),
  }
}

/** By the plain driver, as ours writes no such headers. */
async function publishRaw({ vhost }: Servers, tables: readonly object[]): Promise<void> {
  const { connect } = createRequire(import.meta.url)('amqplib') as typeof Amqplib
  const connection = await connect(vhost.url)
  const channel = await connection.createConfirmChannel()
  const { exchange, routingKey } = TASKS
  for (const headers of tables)
    channel.publish(exchange, routingKey, Buffer.from('{'), {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers,
    })
  await channel.waitForConfirms()
  await connection.close()
}

function byText(one: string, other: string): number {
  return one < other ? -1 : 1
}
