import { appendFileSync, readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openResultStore } from '../../../src/results/open-result-store.ts'
import { redisAddress } from '../../../src/results/redis/connecting/redis-url.ts'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'
import { listenForFirstBytes, TLS } from '../../support/first-bytes.ts'

let certificates: Certificates
const path = (file: string): string => certificates.path(file)

beforeAll(() => {
  certificates = makeCertificates()
})
afterAll(() => certificates[Symbol.dispose]())

test.each<[unknown, boolean]>([
  ['CERT_REQUIRED', true],
  ['required', true],
  [2, true],
  ['CERT_OPTIONAL', true],
  [1, true],
  ['none', false],
  ['CERT_NONE', false],
  [0, false],
  [null, true],
])('with ssl_cert_reqs %j, certificates are checked: %j', (requirement, rejectUnauthorized) => {
  const settings = { redis_backend_use_ssl: { ssl_cert_reqs: requirement } }
  expect(redisAddress('redis://host', settings).tls).toEqual({ rejectUnauthorized })
  const { tls } = redisAddress(`rediss://host?ssl_cert_reqs=${requirement ?? ''}`)
  expect(tls).toEqual({ rejectUnauthorized })
})

test('certificates are read from the files that url or redis_backend_use_ssl name', () => {
  const { tls } = redisAddress(`rediss://host?ssl_ca_certs=${encodeURIComponent(path('ca.pem'))}`, {
    redis_backend_use_ssl: { ssl_certfile: path('client.pem'), ssl_keyfile: path('client.key') },
  })
  expect(tls).toEqual({
    rejectUnauthorized: true,
    ca: readFileSync(path('ca.pem')),
    cert: readFileSync(path('client.pem')),
    key: readFileSync(path('client.key')),
  })
})

test('the other options of redis-py do the same here, and a certfile may hold its key', () => {
  const both = path('both.pem')
  for (const file of ['client.pem', 'client.key']) appendFileSync(both, readFileSync(path(file)))
  const { tls } = redisAddress('rediss://host', {
    redis_backend_use_ssl: {
      ssl_ca_data: 'authority',
      ssl_certfile: both,
      ssl_check_hostname: false,
      ssl_ciphers: 'HIGH',
      ssl_password: 'secret',
    },
  })
  expect(tls).toEqual({
    rejectUnauthorized: true,
    ca: 'authority',
    cert: readFileSync(both),
    key: readFileSync(both),
    passphrase: 'secret',
    ciphers: 'HIGH',
    checkServerIdentity: expect.any(Function),
  })
})

test.each<[string, Record<string, unknown>, RegExp]>([
  ['rediss://host?ssl_cert_reqs=maybe', {}, /ssl_cert_reqs is maybe, expected CERT_NONE/],
  ['redis://host', { ssl_ca_cert: '/ca.pem' }, /ssl_ca_cert is unknown/],
  ['redis://host', { ssl_ca_certs: '/missing.pem' }, /ssl_ca_certs cannot be read/],
])('TLS options that cannot work are refused: %s %j', (url, options, why) => {
  expect(() => redisAddress(url, { redis_backend_use_ssl: options })).toThrow(why)
})

test.each<[string, string]>([
  ['ssl_ca_certs', 'ssl_ca_certs holds no certificate in PEM'],
  ['ssl_certfile', 'ssl_certfile holds no certificate in PEM'],
  ['ssl_keyfile', 'ssl_keyfile holds no private key that can be read'],
])('a file of %s without any is refused at once', (option, why) => {
  const redis_backend_use_ssl = { [option]: path('names') }
  expect(() => redisAddress('rediss://host', { redis_backend_use_ssl })).toThrow(why)
})

test.each<[Record<string, unknown>, string]>([
  [{ ssl_password: 12345 }, 'ssl_password is of type number, expected a text'],
  [{ ssl_password: ['12345'] }, 'ssl_password is of type object, expected a text'],
  [{ ssl_password: '' }, 'ssl_password is empty, expected a text'],
  [{ ssl_keyfile: { text: 12345 } }, 'ssl_keyfile is of type object, expected a text'],
  [
    { ssl_keyfile: '-----BEGIN PRIVATE KEY-----\n12345' },
    'ssl_keyfile is the content of a file, expected its path',
  ],
])('a secret that does not fit is refused without being shown: %j', (options, why) => {
  const refused = errorOf(() => redisAddress('rediss://host', { redis_backend_use_ssl: options }))
  expect(inspect(refused)).toContain(`TLS for Redis: ${why}`)
  expect(inspect(refused)).not.toContain('12345')
})

test('as in Celery, a redis:// url with options of TLS is refused rather than used in plain text', () => {
  expect(() => redisAddress('redis://host?ssl_cert_reqs=CERT_REQUIRED')).toThrow(
    /ssl_cert_reqs needs a rediss:\/\/ url/,
  )
})

test.each<[string, string, Record<string, unknown> | null]>([
  ['rediss://', 'rediss://user:secret@127.0.0.1:PORT', null],
  ['redis:// with redis_backend_use_ssl', 'redis://127.0.0.1:PORT', { ssl_cert_reqs: 0 }],
  ['an empty dict', 'redis://127.0.0.1:PORT', {}],
])('with %s the first bytes are those of TLS, never a command', async (_, url, options) => {
  const { port, heard } = await listenForFirstBytes()
  const store = await openResultStore(
    { result_backend: url.replace('PORT', String(port)), redis_backend_use_ssl: options },
    { saveDeadlineMs: 300 },
  )
  onTestFinished(() => store.close())
  await expect(
    store.save({ taskId: 'a', task: 't', outcome: { kind: 'success', value: 1 } } as never),
  ).rejects.toThrow()
  expect(heard.length).toBeGreaterThan(0)
  for (const bytes of heard) expect(bytes).toEqual(TLS)
})

function errorOf(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}

/** Writes a file that holds its name. */
