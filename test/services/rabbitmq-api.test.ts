import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import type { SiteConfig } from '../../src/recipes/index.ts'
import { rabbitmqQueues } from '../../src/services/rabbitmq-api.ts'

test.each([
  'http://user:SECRET@127.0.0.1:1/api',
  'http://user:SEC/RET@127.0.0.1:1/api',
  'http://user:SEC,RET@127.0.0.1:1/api',
  'http://user:SECRET@',
  'http://[SECRET/',
])('a password in base_url (%s) is in no error', async (base_url) => {
  const block = { plugin: 'rabbitmqapi', base_url, username: 'me', password: 'pw' }
  const site = { block: () => block } as unknown as SiteConfig
  const error = await rabbitmqQueues(site).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(Error)
  expect((error as Error).message).toContain('cannot be asked')
  for (const text of [String(error), inspect(error, { depth: 8 })])
    for (const part of ['SEC', 'RET']) expect(text).not.toContain(part)
})
