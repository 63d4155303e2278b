import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import {
  RedisResultStore,
  type RedisStoreSettings,
} from '../../../src/results/redis/redis-store.ts'
import { success, VALUE_ERROR } from '../../contracts/result-store-contract.ts'
import { recordingLogger } from '../../support/embedded-app.ts'
import { service } from '../../support/services.ts'
import { silenceable } from '../../support/silenceable.ts'
import { waitFor } from '../../support/wait-for.ts'

test('redis_client_name is what Redis lists the connection as', async () => {
  const name = `results-${randomUUID()}`
  const store = await openStore(service('REDIS_URL'), { redis_client_name: name })
  await store.save(success(1))
  expect(await asked('client', 'LIST')).toContain(`name=${name} `)
})

test('redis_db and redis_username with redis_password count where the url has none', async () => {
  const user = `user-${randomUUID()}`
  await asked('acl', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all')
  onTestFinished(async () => void (await asked('acl', 'DELUSER', user)))
  const login = { redis_username: user, redis_password: 'secret', redis_db: 9 }
  const name = `results-${randomUUID()}`
  const store = await openStore('redis://', {
    ...login,
    ...placeOfRedis(),
    redis_client_name: name,
  })
  await store.save(success(1))
  const lines = String(await asked('client', 'LIST')).split('\n')
  expect(lines.find((line) => line.includes(name))).toMatch(new RegExp(` db=9 .* user=${user} `))
})

test('a database that Redis does not have is refused: nothing is stored in another one', async () => {
  const store = await openStore('redis://', { ...placeOfRedis(), redis_db: 999 })
  const result = success(1)
  for (const _ of [1, 2]) {
    await expect(store.save(result)).rejects.toThrow(/has no database 999: ERR DB index/)
  }
  expect(await asked('exists', `celery-task-meta-${result.taskId}`)).toBe(0)
})

test('after redis_socket_timeout an answer is no longer waited for; redis_retry_on_timeout asks once more', async () => {
  const took = await Promise.all([timeToFail({}), timeToFail({ redis_retry_on_timeout: true })])
  expect(took[0]).toBeGreaterThanOrEqual(290)
  expect(took[1]).toBeGreaterThanOrEqual(590)
  expect(took[0]).toBeLessThan(20_000)
})

test('redis_backend_health_check_interval finds an idle connection that has fallen silent', async () => {
  const way = await silenceable(service('REDIS_URL'), 6379)
  const logger = recordingLogger()
  const settings = { redis_backend_health_check_interval: 0.1 }
  const store = await RedisResultStore.open({ url: way.url, settings, logger, silentMs: 200 })
  onTestFinished(() => store.close())
  await store.save(success(1))
  way.swallow()
  await waitFor('another connection', () => way.connections() > 1)
  expect(logger.lines.map(({ sentence }) => sentence)).toContain(
    'redis connection silent, closing it',
  )
})

test('result_failure_expires is for failures alone', async () => {
  const settings = { result_expires: 1000, result_failure_expires: 10 }
  const store = await openStore(service('REDIS_URL'), settings)
  const [good, bad] = [success(1), { ...success(null), status: 'FAILURE', result: VALUE_ERROR }]
  await Promise.all([store.save(good), store.save(bad)])
  expect(await asked('ttl', `celery-task-meta-${good.taskId}`)).toBeGreaterThan(900)
  expect(await asked('ttl', `celery-task-meta-${bad.taskId}`)).toBeLessThanOrEqual(10)
})

test('results in a content type that result_accept_content lacks are not read', async () => {
  const writing = await openStore(service('REDIS_URL'), { result_serializer: 'yaml' })
  const settings = { result_serializer: 'yaml', result_accept_content: ['json'] }
  const reading = await openStore(service('REDIS_URL'), settings)
  const also = await openStore(service('REDIS_URL'), {
    ...settings,
    result_accept_content: ['application/x-yaml'],
  })
  const saved = success({ a: 1 })
  await writing.save(saved)
  await expect(reading.get(saved.taskId)).rejects.toThrow(
    /kept as yaml, which result_accept_content \(json\) does not have/,
  )
  expect((await also.get(saved.taskId)).result).toEqual({ a: 1 })
})

function placeOfRedis() {
  const { hostname, port } = new URL(service('REDIS_URL'))
  return { redis_host: hostname, redis_port: Number(port || 6379) }
}

async function openStore(url: string, settings: RedisStoreSettings): Promise<RedisResultStore> {
  const store = await RedisResultStore.open({ url, settings: { result_expires: 60, ...settings } })
  onTestFinished(() => store.close())
  return store
}

/** How long a save takes to fail over a connection that has fallen silent. */
async function timeToFail(settings: RedisStoreSettings): Promise<number> {
  const way = await silenceable(service('REDIS_URL'), 6379)
  const store = await openStore(way.url, { redis_socket_timeout: 0.3, ...settings })
  await store.save(success(1))
  way.swallow()
  const beganAt = performance.now()
  await expect(store.save(success(2))).rejects.toMatchObject({
    cause: { message: 'Command timed out' },
  })
  return performance.now() - beganAt
}

async function asked(command: string, ...args: string[]): Promise<unknown> {
  const redis = new Redis(service('REDIS_URL'))
  try {
    return await redis.call(command, ...args)
  } finally {
    redis.disconnect()
  }
}
