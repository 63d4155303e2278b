import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import type { CeleryApp } from '../../src/index.ts'
import { chord, group } from '../../src/tasks/canvas/canvas.ts'
import type { TaskContext } from '../../src/tasks/task-context.ts'
import { embeddedApp, recordingLogger, startWorker } from '../support/embedded-app.ts'
import { migratedDatabase } from '../support/live-app.ts'
import { freshDatabase } from '../support/postgres.ts'
import { service } from '../support/services.ts'

const WAIT = { timeoutMs: 20_000 }
const GROUP = 'celery-taskset-meta-'

/** What another program does to the keys of a chord, while its second member runs, and what the body says of it. */
const IN_REDIS: Readonly<
  Record<string, readonly [(redis: Redis, key: string) => unknown, RegExp | null]>
> = {
  'members that are a text': [
    (redis, key) => redis.set(`${key}.j`, 'x'),
    /cannot be counted.*\.j|WRONGTYPE/,
  ],
  'members that are a list': [
    async (redis, key) => {
      await redis.del(`${key}.j`)
      await redis.rpush(`${key}.j`, 'x')
    },
    /cannot be counted/,
  ],
  'a size that is no number': [
    (redis, key) => redis.set(`${key}.s`, 'two'),
    /cannot be counted.*\.s/,
  ],
  'a size without end': [(redis, key) => redis.set(`${key}.s`, 'inf'), /cannot be counted/],
  'a size that is a hash': [
    async (redis, key) => {
      await redis.del(`${key}.s`)
      await redis.hset(`${key}.s`, 'a', 'b')
    },
    /cannot be counted/,
  ],
  'an addition that is no number': [
    (redis, key) => redis.set(`${key}.t`, '[]'),
    /cannot be counted/,
  ],
  'seen members that are a text': [
    async (redis, key) => {
      await redis.del(`${key}.d`)
      await redis.set(`${key}.d`, 'x')
    },
    /cannot be counted/,
  ],
  'a claim that is a list': [
    async (redis, key) => redis.lpush(`${key}.c`, 'x'),
    /cannot be counted/,
  ],
  'an entry of a member that is cut off': [
    (redis, key) => respoil(redis, key, '[1, "x", "SUCC'),
    /cannot be read, in key "[^"]*\.j"/,
  ],
  'an entry of a member without a state': [
    (redis, key) => respoil(redis, key, '[1, "x", {"toString": 1}]'),
    /cannot be read/,
  ],
  'an entry of a member that is a number': [
    (redis, key) => respoil(redis, key, '7'),
    /cannot be read/,
  ],
  'a saved header that is no JSON': [(redis, key) => redis.set(key, 'x'), /cannot be read/],
  'a saved header of the wrong shape': [
    (redis, key) => redis.set(key, '{"result": [[{"toString": 1}], 7]}'),
    /cannot be read/,
  ],
  'a saved header that is null': [(redis, key) => redis.set(key, 'null'), /cannot be read/],
  'a saved header that is a list': [
    async (redis, key) => {
      await redis.del(key)
      await redis.rpush(key, 'x')
    },
    /cannot be read/,
  ],
  'bodies that were left under a key that is a text': [
    (redis, key) => redis.set(`${key.slice(0, key.indexOf(GROUP))}celery-toolbox-unreleased`, 'x'),
    null,
  ],
}

test('a chord that is spoiled in Redis fails its body with the reason, at once, and no other', async () => {
  const prefix = `test-${randomUUID()}:`
  const redis = new Redis(service('REDIS_URL'))
  onTestFinished(() => redis.disconnect())
  const logger = recordingLogger()
  const app = embeddedApp(
    {
      result_backend: service('REDIS_URL'),
      result_backend_transport_options: { global_keyprefix: prefix },
      result_expires: 600,
      task_acks_late: true,
    },
    { logger },
  )
  const { run } = chordsOf(app, async (name, groupId) => {
    await IN_REDIS[name]?.[0](redis, `${prefix}${GROUP}${groupId}`)
  })
  await startWorker(app)
  const ends = await Promise.all(Object.keys(IN_REDIS).map(async (name) => [name, await run(name)]))
  for (const [name = '', end] of ends)
    expect(end, name).toMatch(IN_REDIS[name]?.[1] ?? /^2 values$/)
  expect(await run('none')).toBe('2 values')
  expect(logger.lines.filter(({ sentence }) => /trying again/.test(sentence))).toEqual([])
  const counted = logger.lines.filter(({ sentence }) => /cannot be counted/.test(sentence))
  expect(counted.length).toBeLessThanOrEqual(2 * Object.keys(IN_REDIS).length)
})

test('a chord with a member that is spoiled in PostgreSQL fails its body with the reason, at once, and no other', async () => {
  const databaseUrl = await freshDatabase()
  const database = await migratedDatabase(databaseUrl)
  const logger = recordingLogger()
  const app = embeddedApp({ result_backend: `db+${databaseUrl}`, task_acks_late: true }, { logger })
  const { run } = chordsOf(app, (name, groupId) => spoilMember(database, name, groupId))
  await startWorker(app)
  const ends = await Promise.all(['{"a": ', '[[', '\\x8002', 'nothing'].map(run))
  for (const end of ends.slice(0, 3))
    expect(end).toMatch(/cannot be read, in column "result" of PostgreSQL/)
  expect(ends[3]).toBe('2 values')
  expect(logger.lines.filter(({ sentence }) => /trying again/.test(sentence))).toEqual([])
})

test('a chord that is polled fails its body by a member that is spoiled in PostgreSQL, and polls no more', async () => {
  const databaseUrl = await freshDatabase()
  const database = await migratedDatabase(databaseUrl)
  const app = embeddedApp({ result_backend: `db+${databaseUrl}` })
  app.task('export.body', (values: readonly unknown[]) => `${values.length} values`)
  await startWorker(app)
  await database.query(
    "insert into celery_taskmeta (id, task_id, status, result) values (1000000, 'spoiled', 'SUCCESS', '[[')",
  )
  const body = app.signature('export.body', [], {}, { taskId: 'the-body' }).toDict()
  const result = [[['spoiled', null], null]]
  await app
    .signature('celery.chord_unlock', ['the-group', body], { result, interval: 0.1 })
    .applyAsync()
  await expect(app.asyncResult('the-body').get(WAIT)).rejects.toMatchObject({
    message: expect.stringMatching(/Dependency spoiled raised .*"result\\?" of PostgreSQL/),
  })
})

/** Chords of two members; the second one lets the spoiler at what is stored of its chord. */
function chordsOf(app: CeleryApp, spoil: (name: string, groupId: string) => Promise<void>) {
  const first = app.task('export.first', () => 1)
  const second = app.task(
    'export.second',
    { bind: true },
    async (self: TaskContext, name: string) => {
      const { group: groupId } = self.request
      // The first one has been counted, or there is nothing to spoil.
      const isCounted = app.asyncResult(firstOf.get(name) ?? '')
      await isCounted.get(WAIT)
      await spoil(name, groupId ?? '')
      return 2
    },
  )
  const body = app.task('export.body', (values: readonly unknown[]) => `${values.length} values`)
  const firstOf = new Map<string, string>()
  return {
    run: async (name: string): Promise<string> => {
      const id = randomUUID()
      firstOf.set(name, id)
      const header = group(first.s().set({ task_id: id }), second.s(name))
      const result = await chord(header, body.s()).applyAsync()
      return await result.get(WAIT).then(String, String)
    },
  }
}

async function respoil(redis: Redis, key: string, entry: string): Promise<void> {
  await redis.del(`${key}.j`)
  await redis.zadd(`${key}.j`, 0, entry)
}

async function spoilMember(database: Database, bytes: string, groupId: string): Promise<void> {
  if (bytes === 'nothing') return
  const result = bytes.startsWith('\\x') ? Buffer.from(bytes.slice(2), 'hex') : Buffer.from(bytes)
  await database.query(
    `update celery_taskmeta set result = $1 where task_id in
     (select task_id from celery_toolbox_chord_member where group_id = $2)`,
    [result, groupId],
  )
}
