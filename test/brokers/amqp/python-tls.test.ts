import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nodeTls } from '../../../src/brokers/amqp/connecting/python-tls.ts'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'

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

let certificates: Certificates
const path = (file: string): string => certificates.path(file)

beforeAll(() => {
  certificates = makeCertificates()
  writeFileSync(path('empty'), '')
  writeFileSync(path('text'), 'no certificate\n')
  writeFileSync(path('half'), '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')
}, 60_000)
afterAll(() => certificates[Symbol.dispose]())

test.each(['empty', 'text', 'half', 'client.key'])(
  'a file that holds no certificate (%s) is refused at once, as no later try would be better',
  (file) => {
    for (const option of ['ca_certs', 'certfile']) {
      const refuse = () => nodeTls({ [option]: path(file) }, 'host')
      expect(refuse).toThrow(`${option} holds no certificate in PEM`)
    }
  },
)

test.each<[string, Record<string, string>, string]>([
  ['no key', { keyfile: 'client.pem' }, 'keyfile holds no private key that can be read'],
  ['no key of its own', {}, 'certfile holds no private key that can be read'],
  ['the key of another', { keyfile: 'server.key' }, 'keyfile has not the key of certfile'],
])('a certificate with %s is refused', (_, files, why) => {
  const options = Object.entries({ certfile: 'client.pem', ...files })
  const given = Object.fromEntries(options.map(([option, file]) => [option, path(file)]))
  expect(() => nodeTls(given, 'host')).toThrow(why)
})

test('files that fit are taken', () => {
  const options = { ca_certs: 'ca.pem', certfile: 'client.pem', keyfile: 'client.key' }
  const given = Object.entries(options).map(([option, file]) => [option, path(file)])
  const { ca, cert, key } = nodeTls(Object.fromEntries(given), 'host')
  expect([ca, cert, key]).toEqual([expect.any(Buffer), expect.any(Buffer), expect.any(Buffer)])
})

test.each<[Record<string, unknown>, string]>([
  [{ ciphers: 'NONE-OF-ALL' }, 'ciphers names no cipher that there is'],
  [
    { tls_minimum_version: 772, tls_maximum_version: 771 },
    'tls_minimum_version is TLSv1.3, and the highest allowed is TLSv1.2',
  ],
])('TLS that no server could speak is refused: %j', (options, why) => {
  expect(() => nodeTls(options, 'host')).toThrow(why)
})
