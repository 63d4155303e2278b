import { expect, test } from 'vitest'
import { openBroker } from '../../src/brokers/open-broker.ts'

test.each([
  ['memory://x', 'memory'],
  ['amqp://me:hidden@nowhere.invalid', 'amqp'],
  ['amqps://me:hidden@nowhere.invalid', 'amqp'],
  ['AMQP://nowhere.invalid', 'amqp'],
])('%s is opened by its scheme, without connecting', async (url, kind) => {
  const broker = openBroker({ url })
  expect(broker.kind).toBe(kind)
  expect(broker.safeUrl).not.toContain('hidden')
  await broker.close()
})

test.each(['sqs://key:secret@', 'redis://localhost', 'nonsense', ''])(
  'no broker for "%s": the error names the scheme and those that are known, and no secret',
  (url) => {
    expect(() => openBroker({ url })).toThrow(
      expect.objectContaining({
        code: 'BROKER_UNREACHABLE',
        message: expect.stringMatching(
          /^(?!.*secret)no broker for.*amqp:\/\/, amqps:\/\/ or memory:\/\//,
        ),
      }),
    )
  },
)
