import { randomUUID } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { PostgresResultStore } from '../../src/results/postgres/postgres-store.ts'
import { RedisResultStore } from '../../src/results/redis/redis-store.ts'
import type { ResultStore } from '../../src/results/result-store.ts'
import { RESULT, spoiled } from '../protocol/spoiled.ts'
import { migratedDatabase } from '../support/live-app.ts'
import { freshDatabase } from '../support/postgres.ts'
import { service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'

/** Long enough for a busy machine, and far from what a wait that hangs would take. */
const WAIT = { timeoutMs: 20_000 }

const DEEP = `${'['.repeat(10_000)}1${']'.repeat(10_000)}`
/** As Python pickles `os.system('touch …')`, to be called by who reads it. */
const PICKLED_CALL = Buffer.from('8003636e740a73797374656d0a580500000074206f776e85522e', 'hex')
const BOMB = compressed('application/x-gzip', deflateSync(Buffer.alloc(70_000_000, ' ')))
const NO_TEXT = [
  Buffer.alloc(0),
  Buffer.from('\0\0\0'),
  Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22]),
  Buffer.from('81a673746174757307', 'hex'),
  Buffer.from('status: &a [x]\nother: *a\n'),
  Buffer.from(DEEP),
  Buffer.from('9'.repeat(100_000)),
]

describe('a result that is spoiled in Redis', () => {
  const whole = (taskId: string, part: object) =>
    Buffer.from(JSON.stringify({ ...RESULT, status: 'SUCCESS', task_id: taskId, ...part }))

  /** Each cannot be read. */
  const unreadable = (taskId: string): readonly Buffer[] => [
    ...NO_TEXT,
    PICKLED_CALL,
    whole(taskId, {}).subarray(0, 60),
    ...['[]', '5', 'null', '"SUCCESS"', '{}', `{"__proto__": ${whole(taskId, {})}}`].map((text) =>
      Buffer.from(text),
    ),
    ...[{ toString: 1 }, 7, null, '', ['SUCCESS']].map((status) => whole(taskId, { status })),
    ...[undefined, 7, 'another', { toString: 1 }].map((id) => whole(taskId, { task_id: id })),
    ...[5, { toString: 1 }, 'soon', '+275760-09-13T00:00:00Z', [1]].map((date) =>
      whole(taskId, { date_done: date }),
    ),
    Buffer.from(whole(taskId, { date_done: 7 }).toString().replace('7', 'NaN')),
    Buffer.from(whole(taskId, { children: 7 }).toString().replace('7', DEEP)),
    compressed('application/x-nothing', Buffer.from('x')),
    compressed('application/x-gzip', Buffer.from('no gzip')),
    BOMB,
    Buffer.from('\0celery-compressed\0'),
  ]

  test('rejects each wait for it at once, with the task, the key and what was expected', async () => {
    const { store, redis, keyOf } = await openRedis()
    const cases = unreadable('').map((_, at) => `unreadable-${at}`)
    const faults = await Promise.all(
      cases.map(async (taskId, at) => {
        const bytes = unreadable(taskId)[at] ?? Buffer.alloc(0)
        const early = Promise.allSettled([store.waitFor(taskId, WAIT)])
        await waitFor('the subscription', async () => {
          const [, count] = await redis.pubsub('NUMSUB', keyOf(taskId))
          return count === 1
        })
        await redis.set(keyOf(taskId), bytes)
        await redis.publish(keyOf(taskId), bytes)
        return await faultsOf(store, taskId, { early, place: keyOf(taskId) })
      }),
    )
    expect(faults.flat()).toEqual([])
  })

  test('is one that is under a key of another type; the result of its task takes the place', async () => {
    const { store, redis, keyOf } = await openRedis()
    await redis.rpush(keyOf('list'), 'x')
    await redis.hset(keyOf('hash'), 'x', 'y')
    for (const taskId of ['list', 'hash']) {
      const early = Promise.allSettled([store.waitFor(taskId, WAIT)])
      expect(await faultsOf(store, taskId, { early, place: keyOf(taskId) })).toEqual([])
      await store.save(resultOf(taskId))
      expect(await store.waitFor(taskId, WAIT)).toMatchObject({ result: 'good' })
    }
  })

  test('in a field that only describes it is read, with any value in its place', async () => {
    const { store, redis, keyOf } = await openRedis()
    const odd = [...spoiled(RESULT)].filter(
      ({ task_id, status, date_done }) =>
        task_id === RESULT.task_id && status === RESULT.status && date_done === RESULT.date_done,
    )
    for (const meta of odd) {
      await redis.set(keyOf(RESULT.task_id), JSON.stringify(meta))
      expect(await store.waitFor(RESULT.task_id, WAIT)).toMatchObject({ status: 'FAILURE' })
    }
    expect(odd.length).toBeGreaterThan(40)
  })

  test('on the channel alone disturbs no wait', async () => {
    const { store, redis, keyOf } = await openRedis()
    const waiting = store.waitFor('disturbed', WAIT)
    await waitFor('the subscription', async () => {
      const [, count] = await redis.pubsub('NUMSUB', keyOf('disturbed'))
      return count === 1
    })
    for (const bytes of NO_TEXT) await redis.publish(keyOf('disturbed'), bytes)
    await store.save(resultOf('disturbed'))
    expect(await waiting).toMatchObject({ result: 'good' })
  })
})

describe('a result that is spoiled in PostgreSQL', () => {
  const cut = Buffer.from('8002', 'hex')
  const unreadable = [...NO_TEXT, PICKLED_CALL.subarray(0, 20), cut, Buffer.from('{"a": ')]

  test('rejects each wait for it at once, with the task, the column and what was expected', async () => {
    const { store, insert } = await openPostgres()
    const columns = ['result', 'children', 'args', 'kwargs']
    const faults = await Promise.all(
      columns.flatMap((column) =>
        unreadable.map(async (bytes, at) => {
          const taskId = `unreadable-${column}-${at}`
          const early = Promise.allSettled([store.waitFor(taskId, { ...WAIT, intervalMs: 100 })])
          await insert(taskId, { status: 'SUCCESS', [column]: bytes })
          return await faultsOf(store, taskId, { early, place: `"${column}" of PostgreSQL` })
        }),
      ),
    )
    expect(faults.flat()).toEqual([])
  })

  test('by a date beyond those of JavaScript, or by a column without a value, is read', async () => {
    const { store, insert } = await openPostgres()
    const result = Buffer.from('5')
    for (const date of ['infinity', '-infinity', '294276-12-31', '4713-01-01 BC', null]) {
      await insert(String(date), { status: 'SUCCESS', result, date_done: date })
      const read = await store.waitFor(String(date), WAIT)
      expect(read).toMatchObject({ status: 'SUCCESS', result: 5 })
      expect(() => JSON.stringify(read)).not.toThrow()
    }
    await insert('empty', {})
    expect(await store.get('empty')).toMatchObject({ status: 'PENDING', result: null })
  })

  test('is looked at once by a monitor, which reads it no second time', async () => {
    const { database, insert } = await openPostgres()
    await database.query(
      "insert into monitor.task (task_id, name, state, state_at) values ('spoiled', 't', 'STARTED', now())",
    )
    await insert('spoiled', { status: 'FAILURE', result: Buffer.from(DEEP) })
    const absorb = async () =>
      (
        await database.query<{ changed: number }>(
          "select monitor.absorb_results('{spoiled}') changed",
        )
      )[0]
    expect(await absorb()).toEqual({ changed: 1 })
    await database.query(
      `create or replace function monitor.read_json(stored bytea) returns jsonb language plpgsql immutable parallel safe
       as $$ begin raise exception 'read again'; end $$`,
    )
    expect(await absorb()).toEqual({ changed: 0 })
    const [row] = await database.query('select state, result from monitor.task')
    expect(row).toEqual({ state: 'FAILURE', result: { __unreadable__: 'nested deeper than 500' } })
  })
})

interface Expected {
  /** A wait that began before. */
  readonly early: Promise<readonly PromiseSettledResult<unknown>[]>
  readonly place: string
}

/** What is wrong with how it is refused. */
async function faultsOf(
  store: ResultStore,
  taskId: string,
  { early, place }: Expected,
): Promise<readonly string[]> {
  const late = await Promise.allSettled([store.get(taskId), store.waitFor(taskId, WAIT)])
  return [...(await early), ...late].flatMap((outcome) => {
    if (outcome.status === 'fulfilled') return [`${taskId} was read`]
    const { code, message } = outcome.reason
    const isSaid =
      code === 'RESULT_UNREADABLE' && [taskId, place].every((it) => message.includes(it))
    return isSaid && message.length < 1000 ? [] : [`${taskId}: ${code} ${message}`]
  })
}

function resultOf(taskId: string) {
  return { taskId, status: 'SUCCESS', result: 'good', traceback: null, dateDone: null }
}

function compressed(contentType: string, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`\0celery-compressed\0${contentType}\0`), bytes])
}

async function openRedis() {
  const prefix = `test-${randomUUID()}:`
  const redis = new Redis(service('REDIS_URL'))
  const store = await RedisResultStore.open({
    url: service('REDIS_URL'),
    settings: {
      result_expires: 600,
      result_backend_transport_options: { global_keyprefix: prefix },
    },
  })
  onTestFinished(async () => {
    await store.close()
    redis.disconnect()
  })
  return { store, redis, keyOf: (taskId: string) => `${prefix}celery-task-meta-${taskId}` }
}

async function openPostgres() {
  const database = await migratedDatabase(await freshDatabase())
  const store = new PostgresResultStore({ database })
  onTestFinished(() => store.close())
  return { store, database, insert: inserterOf(database) }
}

function inserterOf(database: Database) {
  let id = 1_000_000
  return async (taskId: string, row: Readonly<Record<string, unknown>>): Promise<void> => {
    id += 1
    const names = ['id', 'task_id', ...Object.keys(row)]
    await database.query(
      `insert into celery_taskmeta (${names.join(', ')}) values (${names.map((_, at) => `$${at + 1}`).join(', ')})`,
      [id, taskId, ...Object.values(row)],
    )
  }
}
