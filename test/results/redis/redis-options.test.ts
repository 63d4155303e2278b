import { expect, test, vi } from 'vitest'
import type { RedisStoreSettings } from '../../../src/results/redis/redis-store.ts'

const given: Record<string, unknown>[] = []
vi.mock('ioredis', () => ({
  Redis: class {
    constructor(options: Record<string, unknown>) {
      given.push(options)
    }
    on = () => this
    disconnect = () => undefined
    sendCommand = () => undefined
  },
}))

const { RedisConnection } = await import('../../../src/results/redis/connecting/connection.ts')
const { silentLogger } = await import('../../../src/logger.ts')

test.each<[RedisStoreSettings, Record<string, unknown>]>([
  [{ redis_socket_connect_timeout: 3 }, { connectTimeout: 3_000 }],
  [{}, { connectTimeout: 10_000 }],
  [{ redis_socket_keepalive: true }, { keepAlive: 10_000 }],
  [{ redis_socket_timeout: 7 }, { commandTimeout: 7_000 }],
  [{ redis_socket_timeout: 1e9 }, { commandTimeout: 2 ** 31 - 1 }],
])('of %j the driver is given %j', async (settings, options) => {
  const parts = { url: 'redis://host', settings, logger: silentLogger, deadlineMs: 30_000 }
  const connection = await RedisConnection.open(parts)
  connection.close()
  expect(given.at(-1)).toMatchObject(options)
})

test('without a timeout, nor keepalive, the driver has none', async () => {
  const settings = { redis_socket_timeout: null, redis_socket_keepalive: false }
  const parts = { url: 'redis://host', settings, logger: silentLogger, deadlineMs: 30_000 }
  const connection = await RedisConnection.open(parts)
  connection.close()
  expect(given.at(-1)).not.toHaveProperty('commandTimeout')
  expect(given.at(-1)).not.toHaveProperty('keepAlive')
})
