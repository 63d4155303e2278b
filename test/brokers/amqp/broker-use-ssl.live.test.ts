import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { Config, type ConfigOptions } from '../../../src/config/config.ts'
import { createApp } from '../../../src/create-app.ts'
import { freePort } from '../../support/free-port.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { evaluate } from '../../support/rabbitmqctl.ts'
import { service } from '../../support/services.ts'

/** A certificate authority, and what it and others have signed. */
let folder: string
const path = (name: string): string => join(folder, name)
let good: number
let expired: number

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'broker-tls-'))
  chmodSync(folder, 0o755)
  makeCertificates()
  good = await tlsListener('server', { asksForCertificate: true })
  expired = await tlsListener('expired', { asksForCertificate: false })
})

afterAll(async () => {
  for (const port of [good, expired]) {
    await evaluate(`rabbit_networking:stop_tcp_listener({"127.0.0.1", ${port}}), ok.`).catch(
      () => null,
    )
  }
  rmSync(folder, { recursive: true })
})

const trusting = () => ({
  ca_certs: path('ca.pem'),
  certfile: path('client.pem'),
  keyfile: path('client.key'),
})

test.each([
  ['CERT_REQUIRED', { cert_reqs: 'CERT_REQUIRED', server_hostname: 'localhost' }],
  ['2', { cert_reqs: 2, server_hostname: null }],
  ['CERT_OPTIONAL', { cert_reqs: 'CERT_OPTIONAL' }],
  ['CERT_NONE', { cert_reqs: 0 }],
])('broker_use_ssl with cert_reqs %s connects, also by an amqp:// url', async (_, options) => {
  expect(await connected(good, { broker_use_ssl: { ...trusting(), ...options } })).toBe('connected')
})

test('the options in a url do as broker_use_ssl does', async () => {
  const { ca_certs, certfile, keyfile } = trusting()
  const query = `ssl=true&ssl_ca_certs=${ca_certs}&ssl_certfile=${certfile}&ssl_keyfile=${keyfile}`
  expect(await connected(good, {}, query)).toBe('connected')
})

test.each([
  [
    'a host name that is not in the certificate',
    () => ({ ...trusting(), server_hostname: 'elsewhere.example' }),
    /elsewhere\.example|altnames/i,
  ],
  [
    'an authority that is not known',
    () => ({ ...trusting(), ca_certs: path('other-ca.pem') }),
    /certificate|verify/i,
  ],
  [
    'no client certificate where the server asks for one',
    () => ({ ca_certs: path('ca.pem') }),
    /certificate|closed|ECONNRESET|alert/i,
  ],
  [
    'a certificate file that is not there',
    () => ({ ...trusting(), certfile: path('missing.pem') }),
    /certfile cannot be read/,
  ],
  [
    'an option that py-amqp does not have',
    () => ({ ...trusting(), ca_cert: 'x' }),
    /ca_cert is unknown, expected one of ca_certs/,
  ],
])('%s: it does not connect, and says why', async (_, options, why) => {
  expect(await connected(good, { broker_use_ssl: options() })).toMatch(why)
})

test('a certificate that has expired is refused, unless nothing is checked', async () => {
  const options = { ca_certs: path('ca.pem') }
  expect(await connected(expired, { broker_use_ssl: options })).toMatch(/expired/)
  const unchecked = { ...options, cert_reqs: 'CERT_NONE' }
  expect(await connected(expired, { broker_use_ssl: unchecked })).toBe('connected')
})

test.each<[string, Partial<ConfigOptions>, string]>([
  ['broker_use_ssl: true', { broker_use_ssl: true }, ''],
  ['broker_use_ssl with options', { broker_use_ssl: { cert_reqs: 'CERT_NONE' } }, ''],
  ['an empty dict', { broker_use_ssl: {} }, ''],
  ['?ssl=true', {}, 'ssl=true'],
  ['?ssl=false, which kombu takes for a wish too', {}, 'ssl=false'],
  ['?ssl_cert_reqs', {}, 'ssl_cert_reqs=CERT_NONE'],
])('with %s the first bytes are those of TLS, never of AMQP', async (_, settings, query) => {
  const heard: Buffer[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (bytes) => {
      heard.push(bytes)
      socket.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  expect(await connected(port, { ...settings, broker_connection_timeout: 1 }, query)).not.toBe(
    'connected',
  )
  expect(heard.length).toBeGreaterThan(0)
  for (const bytes of heard) expect(bytes.subarray(0, 2)).toEqual(Buffer.from([0x16, 0x03]))
})

test('broker_login_method says how the connection logs in', async () => {
  const vhost = await freshVhost()
  const broker = openBroker({ url: vhost.url, loginMethod: 'AMQPLAIN' })
  onTestFinished(() => broker.close())
  await broker.declare({ exchanges: [], queues: [], bindings: [] })
  const connections = await vhost.rabbitmqctl('list_connections', 'vhost', 'auth_mechanism')
  expect(connections).toContain(`${vhost.name}\tAMQPLAIN`)
  expect(() => openBroker({ url: vhost.url, loginMethod: 'GUESS' })).toThrow(/GUESS/)
})

test('broker_heartbeat and broker_transport_options reach the connection', async () => {
  const vhost = await freshVhost()
  const settings = {
    broker_heartbeat: 7,
    broker_transport_options: { client_properties: { team: 'billing' }, channel_max: 99 },
  }
  const app = appOn(vhost.url, settings)
  await app.broker().declare({ exchanges: [], queues: [], bindings: [] })
  const columns = ['vhost', 'timeout', 'channel_max', 'client_properties']
  const connections = await vhost.rabbitmqctl('list_connections', ...columns)
  const mine = connections.split('\n').find((line) => line.startsWith(`${vhost.name}\t`))
  expect(mine).toContain(`${vhost.name}\t7\t99`)
  expect(mine).toContain('billing')
})

/** "connected", or why not. */
async function connected(
  port: number,
  settings: Partial<ConfigOptions>,
  query = '',
): Promise<string> {
  const url = new URL(service('AMQP_URL'))
  const app = appOn(
    `amqp://${url.username || 'guest'}:${url.password || 'guest'}@127.0.0.1:${port}/?${query}`,
    {
      broker_connection_timeout: 3,
      ...settings,
    },
  )
  try {
    await app.broker().declare({ exchanges: [], queues: [], bindings: [] })
    return 'connected'
  } catch (error) {
    return String(error)
  }
}

function appOn(url: string, settings: Partial<ConfigOptions>) {
  const app = createApp(
    new Config({
      broker_url: url,
      queues: ['export'],
      environment: {},
      dotenv: false,
      ...settings,
    }),
  )
  onTestFinished(() => app.close())
  return app
}

/** Another door of the real broker, with TLS; answers its port. */
async function tlsListener(
  name: string,
  { asksForCertificate }: { readonly asksForCertificate: boolean },
): Promise<number> {
  const port = await freePort()
  const options = [
    `{cacertfile, "${path('ca.pem')}"}`,
    `{certfile, "${path(`${name}.pem`)}"}`,
    `{keyfile, "${path(`${name}.key`)}"}`,
    `{verify, ${asksForCertificate ? 'verify_peer' : 'verify_none'}}`,
    `{fail_if_no_peer_cert, ${asksForCertificate}}`,
  ]
  await evaluate(
    `rabbit_networking:start_ssl_listener({"127.0.0.1", ${port}}, [${options.join(', ')}], 1), ok.`,
  )
  return port
}

function makeCertificates(): void {
  const run = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const authority = (name: string): void =>
    run(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    )
  authority('ca')
  authority('other-ca')
  writeFileSync(path('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  writeFileSync(path('ca.conf'), CA_CONF)
  mkdirSync(path('issued'))
  writeFileSync(path('index.txt'), '')
  writeFileSync(path('serial'), '1000\n')
  for (const name of ['server', 'expired', 'client']) {
    run(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    )
    const times =
      name === 'expired'
        ? ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z']
        : ['-days', '2']
    run(
      'ca',
      '-batch',
      '-config',
      'ca.conf',
      '-extfile',
      'names',
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.pem`,
      '-notext',
      ...times,
    )
    chmodSync(path(`${name}.key`), 0o644) // the broker may run as another user
  }
}

const CA_CONF = `
[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
new_certs_dir = issued
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
`
