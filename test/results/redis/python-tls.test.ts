import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { openResultStore } from '../../../src/results/open-result-store.ts'
import { redisAddress } from '../../../src/results/redis/connecting/redis-url.ts'
import { listenForFirstBytes, TLS } from '../../support/first-bytes.ts'

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
  const file = filesIn(mkdtempSync(join(tmpdir(), 'redis-tls-')))
  const { tls } = redisAddress(`rediss://host?ssl_ca_certs=${encodeURIComponent(file('ca'))}`, {
    redis_backend_use_ssl: { ssl_certfile: file('cert'), ssl_keyfile: file('key') },
  })
  expect(tls).toEqual({
    rejectUnauthorized: true,
    ca: Buffer.from('ca'),
    cert: Buffer.from('cert'),
    key: Buffer.from('key'),
  })
})

test('the other options of redis-py do the same here, and a certfile may hold its key', () => {
  const file = filesIn(mkdtempSync(join(tmpdir(), 'redis-tls-')))
  const { tls } = redisAddress('rediss://host', {
    redis_backend_use_ssl: {
      ssl_ca_data: 'authority',
      ssl_certfile: file('both'),
      ssl_check_hostname: false,
      ssl_ciphers: 'HIGH',
      ssl_password: 'secret',
    },
  })
  expect(tls).toEqual({
    rejectUnauthorized: true,
    ca: 'authority',
    cert: Buffer.from('both'),
    key: Buffer.from('both'),
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
function filesIn(folder: string): (name: string) => string {
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return (name) => {
    writeFileSync(join(folder, name), name)
    return join(folder, name)
  }
}
