import { expect, test } from 'vitest'
import { redisAddress } from '../../../src/results/redis/connecting/redis-url.ts'

test.each([
  ['redis://', { host: 'localhost', port: 6379, db: 0 }],
  ['redis://host:1234/5', { host: 'host', port: 1234, db: 5 }],
  ['redis://host?virtual_host=2', { host: 'host', port: 6379, db: 2 }],
  ['redis://host/1?db=3', { host: 'host', port: 6379, db: 3 }],
  ['redis://:p%40ss@host', { host: 'host', port: 6379, db: 0, password: 'p@ss' }],
  ['redis://u:p@[::1]/0', { host: '::1', port: 6379, db: 0, username: 'u', password: 'p' }],
  ['rediss://host', { host: 'host', port: 6379, db: 0, tls: { rejectUnauthorized: true } }],
])('%s points to %j', (url, address) => {
  expect(redisAddress(url)).toEqual(address)
})

test('user and password come from the settings where the url has none', () => {
  const settings = { redis_username: 'u', redis_password: 'secret' }
  expect(redisAddress('redis://host', settings)).toMatchObject({
    username: 'u',
    password: 'secret',
  })
  expect(redisAddress('redis://other:own@host', settings)).toMatchObject({
    username: 'other',
    password: 'own',
  })
})

test.each(['redis://u:hunter2@host/abc', 'redis://u:hunter2@host:port/0'])(
  'what cannot be read is refused without its password: %s',
  (url) => {
    expect(() => redisAddress(url)).toThrow(/redis:\/\/u:\*\*\*@host/)
    expect(() => redisAddress(url)).not.toThrow('hunter2')
  },
)

test('what a url leaves open comes from settings, and the url wins', () => {
  const settings = { redis_host: 'cache', redis_port: 6380, redis_db: 3 }
  expect(redisAddress('redis', settings)).toEqual({ host: 'cache', port: 6380, db: 3 })
  expect(redisAddress('redis://', settings)).toEqual({ host: 'cache', port: 6380, db: 3 })
  expect(redisAddress('redis://other:1/0', settings)).toEqual({ host: 'other', port: 1, db: 0 })
})
