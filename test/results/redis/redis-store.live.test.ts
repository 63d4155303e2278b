import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import {
  RedisResultStore,
  type RedisStoreSettings,
} from '../../../src/results/redis/redis-store.ts'
import type { ChordMember } from '../../../src/results/result-store.ts'
import { abandonedChordContract, chordOf, releaseBy } from '../../contracts/chord-contract.ts'
import { resultStoreContract, success } from '../../contracts/result-store-contract.ts'
import { readRecording } from '../../protocol/recorded.ts'
import { service } from '../../support/services.ts'
import { silenceable } from '../../support/silenceable.ts'
import { waitFor } from '../../support/wait-for.ts'

let prefix: string
beforeEach(() => {
  prefix = `test-${randomUUID()}:`
})

resultStoreContract('the Redis store', () => openStore(), { staysSuccessful: true })
abandonedChordContract('the Redis store', () => openStore())

describe('a save', () => {
  test('writes the key and the text that Python does, and notifies the channel', async () => {
    const [store, redis, told] = [await openStore({ result_expires: 100 }), open(), open()]
    const saved = success(5)
    const key = `${prefix}celery-task-meta-${saved.taskId}`
    await told.subscribe(key)
    const message = new Promise((resolve) => told.on('message', (_channel, text) => resolve(text)))
    await store.save(saved)
    const text = await redis.get(key)
    expect(text).toBe(
      `{"status": "SUCCESS", "result": 5, "traceback": null, "children": [], "date_done": "2024-05-06T07:08:09.010000+00:00", "task_id": "${saved.taskId}"}`,
    )
    expect(await message).toBe(text)
    expect(await redis.ttl(key)).toBe(100)
  })
})

describe('a connection that is cut', () => {
  test('loses no wait: what was saved meanwhile is looked for', async () => {
    const [store, other, redis] = [await openStore(), await openStore(), open()]
    const done = success('meanwhile')
    const waiting = store.waitFor(done.taskId, { timeoutMs: 20_000 })
    await waitFor('the subscription', async () => (await subscribers(redis, done.taskId)) === 1)
    await redis.client('KILL', 'TYPE', 'pubsub')
    await other.save(done)
    expect((await waiting).result).toBe('meanwhile')
  })

  test('loses no save', async () => {
    const [store, redis] = [await openStore(), open()]
    const results = Array.from({ length: 200 }, (_, n) => success(n))
    await store.save(success('connects'))
    const saving = results.map((result) => store.save(result))
    await redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await Promise.all(saving)
    const read = await Promise.all(results.map(({ taskId }) => store.get(taskId)))
    expect(read.map(({ result }) => result)).toEqual(results.map(({ result }) => result))
  })

  test('counts a member that was added once, though the answer to that was lost', async () => {
    const [way, redis] = [await silenceable(service('REDIS_URL'), 6379), open()]
    const store = await openStore({}, way.url)
    // Connects, and makes the script known.
    await store.chords.addMember?.('another')
    way.swallowAnswers()
    const adding = store.chords.addMember?.('chord')
    const counted = () => redis.get(`${prefix}celery-taskset-meta-chord.t`)
    await waitFor('the count', async () => (await counted()) === '1')
    way.drop()
    await adding
    expect(await counted()).toBe('1')
  })

  test('that has fallen silent is replaced: what was asked is answered, and what is waited for is delivered', async () => {
    const [way, other] = [await silenceable(service('REDIS_URL'), 6379), await openStore()]
    const store = await openStore({}, way.url, 20_000, 300)
    const [early, late] = [success('early'), success('late')]
    const waiting = store.waitFor(late.taskId, { timeoutMs: 20_000 })
    await store.save(early)
    await waitFor('both connections', () => way.connections() === 2)
    way.swallow()
    expect((await store.get(early.taskId)).result).toBe('early')
    await other.save(late)
    expect((await waiting).result).toBe('late')
  })

  test('that does not come back rejects, in time and without its password', async () => {
    const store = await openStore({}, 'redis://user:hunter2@127.0.0.1:1/0', 200)
    const saving = store.save(success(1))
    await expect(saving).rejects.toMatchObject({
      code: 'RESULT_UNSAVED',
      cause: { code: 'RESULT_UNREACHABLE', message: expect.stringContaining('user:***@127.0.0.1') },
    })
    await expect(store.get('x')).rejects.toMatchObject({ code: 'RESULT_UNREACHABLE' })
    await expect(store.waitFor('x', { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'RESULT_TIMEOUT',
    })
  })
})

describe('a chord', () => {
  test('that Python was half through is finished here', async () => {
    const [store, redis] = [await openStore(), open()]
    const { redis_keys } = readRecording<RecordedKeys>('redis-chord-in-progress')
    for (const [key, { type, value }] of Object.entries(redis_keys)) {
      if (type === 'string') await redis.set(prefix + key, String(value))
      else for (const [member, score] of value) await redis.zadd(prefix + key, score, member)
    }
    const groupId = 'de937955-9d61-4163-b970-553507068520'
    const member = { groupId, groupIndex: 1, result: success(1.5) }
    const released = await releaseBy(store.chords, member)
    expect(released.map(({ result }) => result)).toEqual([2, 1.5])
    expect(await redis.keys(`${prefix}celery-taskset-meta-${groupId}*`)).toEqual([
      `${prefix}celery-taskset-meta-${groupId}.c`,
    ])
  })

  test('whose releasing process is gone is released by the next, once its claim has ended', async () => {
    const [store, redis] = [await openStore(), open()]
    const [groupId, [only]] = chordOf([1]) as unknown as [string, [ChordMember]]
    await store.chords.begin(groupId, 1)
    const claim = `${prefix}celery-taskset-meta-${groupId}.c`
    await redis.set(claim, 'of a process that is gone', 'PX', 300)
    expect(await releaseBy(store.chords, only)).toMatchObject([{ result: 1 }])
    expect(await redis.get(claim)).toBe('done')
  })

  test('has counters that expire', async () => {
    const [store, redis] = [await openStore({ result_chord_expires: 100 }), open()]
    const [groupId, [first]] = chordOf([1, 2]) as unknown as [string, [ChordMember]]
    await store.chords.begin(groupId, 2)
    await store.chords.memberDone(first, async () => undefined)
    const keys = await redis.keys(`${prefix}celery-taskset-meta-${groupId}*`)
    expect(keys).toHaveLength(3)
    expect(await Promise.all(keys.map((key) => redis.ttl(key)))).toEqual([100, 100, 100])
  })
})

interface RecordedKeys {
  readonly redis_keys: Readonly<
    Record<
      string,
      | { readonly type: 'string'; readonly value: string }
      | { readonly type: 'zset'; readonly value: readonly (readonly [string, number])[] }
    >
  >
}

async function subscribers(redis: Redis, taskId: string): Promise<unknown> {
  const [, count] = await redis.pubsub('NUMSUB', `${prefix}celery-task-meta-${taskId}`)
  return count
}

async function openStore(
  settings: RedisStoreSettings = {},
  url = service('REDIS_URL'),
  saveDeadlineMs = 20_000,
  silentMs?: number,
): Promise<RedisResultStore> {
  const store = await RedisResultStore.open({
    url,
    saveDeadlineMs,
    silentMs,
    settings: {
      result_expires: 600,
      result_backend_transport_options: { global_keyprefix: prefix },
      ...settings,
    },
  })
  onTestFinished(() => store.close())
  return store
}

function open(): Redis {
  const redis = new Redis(service('REDIS_URL'))
  onTestFinished(() => redis.disconnect())
  return redis
}
