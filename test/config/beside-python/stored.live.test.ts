import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Broker } from '../../../src/brokers/broker.ts'
import { type Serializer, serializerByName } from '../../../src/codecs/serializers.ts'
import { amqpProperties } from '../../../src/protocol/amqp-properties.ts'
import { signatureDict } from '../../../src/protocol/signatures.ts'
import type { TaskCall } from '../../../src/protocol/tasks/task-request.ts'
import { decodeStored } from '../../../src/results/stored-value.ts'
import { waitFor } from '../../support/wait-for.ts'
import {
  beganKey,
  callTask,
  redis,
  type Side,
  startBothSides,
  stopBothSides,
} from './both-workers.ts'
import { plain } from './plain.ts'
import { type Call, STORED_CASES, type StoredCase } from './stored-cases.ts'

// Settings that show in what is kept of a task's results, set for a worker of each language.

const ARGS: Readonly<Record<Call, readonly unknown[]>> = {
  add: [1, 2],
  fail: ['no'],
  wait: [],
  member: [1, 2],
}

let sides: readonly [python: Side, node: Side]
const clients = new Map<Side, Client>()

beforeAll(async () => {
  sides = await startBothSides(STORED_CASES)
  await Promise.all(
    sides.map(async (side) => {
      clients.set(side, new Client(side.databaseUrl))
      await clients.get(side)?.connect()
      await callAll(side)
    }),
  )
}, 120_000)

afterAll(async () => {
  await Promise.all([...clients.values()].map((client) => client.end()))
  await stopBothSides(sides)
}, 60_000)

test.each(STORED_CASES)('as Python’s worker, ours keeps results: $name', async (one) => {
  const [theirs, ours] = sides.map((side) => keptBy(side, one))
  // Results may be kept a moment after the next task began.
  await waitFor(
    'the same',
    async () => {
      expect(await ours?.()).toEqual(await theirs?.())
      return true
    },
    { deadlineMs: 5_000 },
  )
})

/** The last of each waits for ever: once it began, the others have ended. */
async function callAll(side: Side): Promise<void> {
  for (const one of STORED_CASES) {
    if (one.store === 'rpc') await side.broker.declare(repliesTo(one))
    for (const call of one.calls) {
      const id = idOf(side, one, call)
      await callTask(side, {
        queue: one.name,
        task: call === 'member' ? 'probe.add' : `probe.${call}`,
        args: ARGS[call],
        kwargs: {},
        id,
        ...(call === 'member' && inChord(id)),
      })
    }
  }
  const keys = STORED_CASES.map((one) => beganKey(idOf(side, one, 'wait')))
  await waitFor(
    `the last task of each worker in ${side.language}`,
    async () => !(await redis().mget(keys)).includes(null),
    { deadlineMs: 60_000 },
  )
}

/** Of two members, of which the other one never comes. */
function inChord(id: string): Pick<TaskCall, 'group' | 'groupIndex' | 'chord'> {
  const body = signatureDict({ task: 'probe.add', options: { task_id: `${id}.body` } })
  const chord = Object.assign(body, { chord_size: 2 })
  return { group: id, groupIndex: 0, chord }
}

function idOf({ vhost }: Side, { name }: StoredCase, call: Call): string {
  return `${vhost.name}.${name}.${call}`
}

function repliesTo({ name }: StoredCase): Parameters<Broker['declare']>[0] {
  const queue = { durable: true, exclusive: false, autoDelete: false, arguments: {} }
  return { exchanges: [], queues: [{ name: `${name}-replies`, ...queue }], bindings: [] }
}

function keptBy(side: Side, one: StoredCase): () => Promise<unknown> {
  if (one.store === 'rpc') return messagesTo(side, one)
  const read = one.store === 'redis' ? inRedis : inDatabase
  return async () => {
    const kept = await Promise.all(one.calls.map((call) => read(side, one, idOf(side, one, call))))
    return kept.map((each, at) => plain(each, idOf(side, one, one.calls[at] ?? 'add')))
  }
}

async function inRedis(_: Side, one: StoredCase, id: string): Promise<unknown> {
  const keys = (await redis().keys(`*${id}*`)).filter((key) => key !== beganKey(id)).sort()
  const found = keys.map(async (key) => ({
    key,
    expires: Math.ceil((await redis().ttl(key)) / 30) * 30,
    value: await keptUnder(key, one),
  }))
  return await Promise.all(found)
}

/** A result; of a chord, the members that have ended, which are counted in a list or a sorted set. */
async function keptUnder(key: string, one: StoredCase): Promise<unknown> {
  const type = await redis().type(key)
  if (type === 'string') return shown((await redis().getBuffer(key)) ?? Buffer.alloc(0), one)
  if (type === 'zset') return await redis().zrange(key, '0', '-1', 'WITHSCORES')
  return type === 'list' ? await redis().lrange(key, 0, -1) : type
}

async function inDatabase(side: Side, one: StoredCase, id: string): Promise<unknown> {
  const table = one.name === 'database-names' ? 'mine.my_tasks' : 'celery_taskmeta'
  const query = `select *, round(extract(epoch from now() at time zone 'UTC' - date_done) / 600) as age
                 from ${table} where task_id = $1`
  const { rows } = (await clients.get(side)?.query(query, [id])) ?? { rows: [] }
  return rows.map(({ id: _, date_done: _done, ...row }) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, read(name, value, one)])),
  )
}

/** The result is a pickle of ours, and the text of 5.7; the rest is the same byte for byte. */
function read(column: string, value: unknown, one: StoredCase): unknown {
  if (!Buffer.isBuffer(value)) return value
  return column === 'result' ? decodeStored(value, serializerOf(one)) : value.toString()
}

function messagesTo(side: Side, one: StoredCase): () => Promise<unknown> {
  const seen: unknown[] = []
  return async () => {
    const delivery = await side.broker.get(`${one.name}-replies`)
    if (delivery === undefined) return seen
    const { headers, properties, body } = delivery.message
    const message = { headers, properties: amqpProperties(properties), body: shown(body, one) }
    seen.push(plain(message, String(properties.correlationId)))
    await delivery.ack()
    return seen
  }
}

const COMPRESSED = Buffer.from('\0celery-compressed\0')

/** Of what is compressed, how. */
function shown(bytes: Buffer, one: StoredCase): unknown {
  if (bytes.subarray(0, COMPRESSED.length).equals(COMPRESSED))
    return bytes.subarray(0, bytes.indexOf(0, COMPRESSED.length)).toString()
  return serializerOf(one).decode(bytes)
}

function serializerOf({ settings }: StoredCase): Serializer {
  return serializerByName(String(settings.result_serializer ?? 'json') as 'json') // whichever it is
}
