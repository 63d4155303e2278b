import { expect, test } from 'vitest'
import { type OpenBrokerOptions, openBroker } from '../../src/brokers/open-broker.ts'

test.each([
  ['memory://x', 'memory'],
  ['amqp://me:hidden@nowhere.invalid', 'amqp'],
  ['amqps://me:hidden@nowhere.invalid', 'amqp'],
  ['AMQP://nowhere.invalid', 'amqp'],
  ['sqs://key:hidden@nowhere.invalid:4566', 'sqs'],
  ['sqs://', 'sqs'],
])('%s is opened by its scheme, without connecting', async (url, kind) => {
  const broker = openBroker({ url })
  expect(broker.kind).toBe(kind)
  expect(broker.safeUrl).not.toContain('hidden')
  await broker.close()
})

test.each(['sqlite://key:secret@', 'redis://localhost', 'nonsense', ''])(
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

test.each<[string, Partial<OpenBrokerOptions>, RegExp]>([
  [
    'a file that is not there',
    { ssl: { ca_certs: '/nowhere/ca.pem' } },
    /ca_certs.*\/nowhere\/ca\.pem/,
  ],
  ['an option that is unknown', { ssl: { ca_cert: 'x' } }, /ca_cert is unknown, expected one of/],
  ['a wrong cert_reqs', { ssl: { cert_reqs: 'SOME' } }, /cert_reqs is SOME, expected CERT_NONE/],
  ['a login method that is unknown', { loginMethod: 'MAGIC' }, /login method "MAGIC" is unknown/],
  ['one in the transport options', { transportOptions: { login_method: 'X' } }, /login method "X"/],
])('%s is refused when the broker is opened, not tried for ever', (_, options, why) => {
  expect(() => openBroker({ url: 'amqp://nowhere.invalid', ...options })).toThrow(why)
})
