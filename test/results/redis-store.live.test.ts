import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { RedisResultStore, type RedisStoreSettings } from '../../src/results/redis-store.ts'
import { resultStoreContract, success } from '../contracts/result-store-contract.ts'
import { service } from '../support/services.ts'

let prefix: string
beforeEach(() => {
  prefix = `test-${randomUUID()}:`
})

resultStoreContract('the Redis store', () => openStore(), { staysSuccessful: true })

describe('a save', () => {
  test('writes the key and the text that Python does, and tells the channel', async () => {
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

async function openStore(
  settings: RedisStoreSettings = {},
  url = service('REDIS_URL'),
): Promise<RedisResultStore> {
  const store = await RedisResultStore.open({
    url,
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
