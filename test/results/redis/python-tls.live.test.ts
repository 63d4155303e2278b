import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openResultStore } from '../../../src/results/open-result-store.ts'
import { success } from '../../contracts/result-store-contract.ts'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'
import { freePort } from '../../support/free-port.ts'
import { service } from '../../support/services.ts'

let certificates: Certificates
const path = (file: string): string => certificates.path(file)
let port: number

beforeAll(async () => {
  certificates = makeCertificates()
  port = await freePort()
})

afterAll(async () => {
  await configure('tls-port', '0')
  certificates[Symbol.dispose]()
})

const trusting = () => ({
  ssl_cert_reqs: 'CERT_REQUIRED',
  ssl_ca_certs: path('ca.pem'),
  ssl_certfile: path('client.pem'),
  ssl_keyfile: path('client.key'),
})

test.each<[string, string, () => Record<string, unknown>]>([
  ['options of the setting', 'redis://127.0.0.1', trusting],
  ['a rediss:// url', 'rediss://localhost', trusting],
  ['CERT_OPTIONAL', 'rediss://localhost', () => ({ ...trusting(), ssl_cert_reqs: 1 })],
  [
    'CERT_NONE',
    'rediss://localhost',
    () => ({ ...trusting(), ssl_ca_certs: null, ssl_cert_reqs: 0 }),
  ],
])('with %s results are kept over TLS', async (_, url, options) => {
  await serve('server')
  expect(await saved(url, options())).toBe('saved')
})

test.each<[string, string, () => Record<string, unknown>, RegExp]>([
  [
    'an authority that is not known',
    'server',
    () => ({ ...trusting(), ssl_ca_certs: path('other-ca.pem') }),
    /certificate/,
  ],
  [
    'an authority that is not known, with CERT_OPTIONAL',
    'server',
    () => ({ ...trusting(), ssl_ca_certs: path('other-ca.pem'), ssl_cert_reqs: 'CERT_OPTIONAL' }),
    /certificate/,
  ],
  ['a certificate that has expired', 'expired', trusting, /expired/],
  [
    'no client certificate',
    'server',
    () => ({ ...trusting(), ssl_certfile: null, ssl_keyfile: null }),
    /alert|certificate|closed|ECONNRESET|EPIPE/i,
  ],
])('%s: nothing is saved, and the error says why', async (_, server, options, why) => {
  await serve(server)
  expect(await saved('rediss://localhost', options())).toMatch(why)
})

/** The real Redis opens another door, with TLS and that certificate; it reads files that change only while the door is open. */
async function serve(name: string): Promise<void> {
  const files = [
    ...['tls-ca-cert-file', path('ca.pem'), 'tls-auth-clients', 'yes'],
    ...['tls-cert-file', path(`${name}.pem`), 'tls-key-file', path(`${name}.key`)],
  ]
  await configure(...files)
  await configure('tls-port', String(port))
  await configure(...files)
}

async function configure(...pairs: string[]): Promise<void> {
  const redis = new Redis(service('REDIS_URL'))
  try {
    await redis.call('CONFIG', 'SET', ...pairs)
  } finally {
    redis.disconnect()
  }
}

/** "saved", or why not. */
async function saved(url: string, options: Readonly<Record<string, unknown>>): Promise<string> {
  const store = await openResultStore(
    { result_backend: `${url}:${port}/0`, redis_backend_use_ssl: options, result_expires: 60 },
    { saveDeadlineMs: 2_000 },
  )
  onTestFinished(() => store.close())
  try {
    await store.save(success(5))
    return 'saved'
  } catch (error) {
    return rootOf(error)
  }
}

function rootOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : String(error)
}
