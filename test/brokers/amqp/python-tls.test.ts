import { expect, test } from 'vitest'
import { nodeTls } from '../../../src/brokers/amqp/connecting/python-tls.ts'

const PINNED = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }

test.each<[Record<string, unknown>, Record<string, unknown>]>([
  [{ ssl_version: 'PROTOCOL_TLSv1_2' }, PINNED],
  [{ ssl_version: 5 }, PINNED],
  [{ tls_minimum_version: 'TLSv1_2', tls_maximum_version: 771 }, PINNED],
  [{ tls_minimum_version: 772 }, { minVersion: 'TLSv1.3' }],
  [{ tls_maximum_version: 'MAXIMUM_SUPPORTED', ssl_version: 'PROTOCOL_TLS_CLIENT' }, {}],
])('of the versions of TLS, %j allows %j', (options, versions) => {
  const { minVersion, maxVersion } = nodeTls(options, 'host')
  expect({ ...(minVersion && { minVersion }), ...(maxVersion && { maxVersion }) }).toEqual(versions)
})

test.each(['ssl_version', 'tls_minimum_version', 'tls_maximum_version'])(
  'a %s that Python does not have is refused',
  (key) => {
    expect(() => nodeTls({ [key]: 'TLSv9' }, 'host')).toThrow(`${key} is TLSv9, expected one of`)
  },
)

test('a key in the place of its path is refused without being shown', () => {
  const refuse = () => nodeTls({ keyfile: '-----BEGIN PRIVATE KEY-----\n12345' }, 'host')
  expect(refuse).toThrow('keyfile is the content of a file, expected its path')
  expect(refuse).not.toThrow('12345')
})
