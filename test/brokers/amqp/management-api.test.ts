import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { ManagementApi } from '../../../src/brokers/amqp/management-api.ts'

test.each([
  'http://me:SEC/RET@host:15672',
  'http://me:SEC#RET@host:15672',
  'http://me:SEC?RET@host:15672/api',
  'redis://SEC/RET@host',
  'me:SECRET@host:15672',
])('a url of the API that is none (%s) is refused without its password', async (url) => {
  const api = new ManagementApi({ url, brokerUrl: 'amqp://localhost' })
  const error = await api.look().catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringContaining('RABBITMQ_API_URL'),
  })
  for (const part of ['SEC', 'RET']) expect(inspect(error, { depth: 8 })).not.toContain(part)
})
