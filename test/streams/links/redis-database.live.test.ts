import { expect, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { connectRedis } from '../../../src/streams/links/redis/connection.ts'
import { service } from '../../support/services.ts'

test('a database that Redis does not have is refused, as the driver would use another one', async () => {
  const url = new URL(service('REDIS_URL'))
  url.pathname = '/999'
  const { signal } = new AbortController()
  await expect(connectRedis(url.href, { log: silentLogger, signal })).rejects.toThrow(
    /cannot connect to redis:.*DB index/,
  )
})
