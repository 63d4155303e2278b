import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { Config, type ConfigOptions } from '../../../src/config/config.ts'
import { createApp } from '../../../src/create-app.ts'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'
import { listenForFirstBytes, TLS } from '../../support/first-bytes.ts'
import { freePort } from '../../support/free-port.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { evaluate } from '../../support/rabbitmqctl.ts'
import { service } from '../../support/services.ts'

let certificates: Certificates
const path = (file: string): string => certificates.path(file)
let good: number
let expired: number

beforeAll(async () => {
  certificates = makeCertificates()
  good = await tlsListener('server', { asksForCertificate: true })
  expired = await tlsListener('expired', { asksForCertificate: false })
})

afterAll(async () => {
  for (const port of [good, expired]) {
    await evaluate(`rabbit_networking:stop_tcp_listener({"127.0.0.1", ${port}}), ok.`).catch(
      () => null,
    )
  }
  certificates[Symbol.dispose]()
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

test.each<[string, Partial<ConfigOptions>, string?, string?]>([
  ['broker_use_ssl: true', { broker_use_ssl: true }],
  ['broker_use_ssl with options', { broker_use_ssl: { cert_reqs: 'CERT_NONE' } }],
  ['an empty dict', { broker_use_ssl: {} }],
  ['?ssl=true', {}, 'ssl=true'],
  ['?ssl=false, which kombu takes for a wish too', {}, 'ssl=false'],
  ['?ssl_cert_reqs', {}, 'ssl_cert_reqs=CERT_NONE'],
  ['amqps://', {}, '', 'amqps'],
  ['amqps:// and broker_use_ssl: false', { broker_use_ssl: false }, '', 'amqps'],
])(
  'with %s the first bytes are those of TLS, never of AMQP',
  async (_, settings, query, scheme) => {
    const { port, heard } = await listenForFirstBytes()
    const given = { ...settings, broker_connection_timeout: 1 }
    expect(await connected(port, given, query, scheme)).not.toBe('connected')
    expect(heard.length).toBeGreaterThan(0)
    for (const bytes of heard) expect(bytes).toEqual(TLS)
  },
)

test.each<[string, Partial<ConfigOptions>]>([
  ['results of rpc://', { result_backend: 'rpc://' }],
  ['a url for reading', { broker_read_url: 'amqp://127.0.0.1:PORT' }],
  ['a url for writing', { broker_write_url: 'amqp://127.0.0.1:PORT' }],
])('broker_use_ssl also concerns %s', async (_, settings) => {
  const { port, heard } = await listenForFirstBytes()
  const own = Object.entries(settings).map(([key, url]) => [
    key,
    String(url).replace('PORT', `${port}`),
  ])
  const app = appOn(`amqp://127.0.0.1:${port}`, {
    broker_use_ssl: true,
    broker_connection_timeout: 1,
    ...Object.fromEntries(own),
  })
  const task = app.task('noted', () => 1)
  await expect(task.delay()).rejects.toThrow()
  const nothing = { exchanges: [], queues: [], bindings: [] }
  await expect(app.readingBroker().declare(nothing)).rejects.toThrow()
  expect(heard.length).toBeGreaterThan(1)
  for (const bytes of heard) expect(bytes).toEqual(TLS)
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
  scheme = 'amqp',
): Promise<string> {
  const url = new URL(service('AMQP_URL'))
  const app = appOn(
    `${scheme}://${url.username || 'guest'}:${url.password || 'guest'}@127.0.0.1:${port}/?${query}`,
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
  const options = [
    `{cacertfile, "${path('ca.pem')}"}`,
    `{certfile, "${path(`${name}.pem`)}"}`,
    `{keyfile, "${path(`${name}.key`)}"}`,
    `{verify, ${asksForCertificate ? 'verify_peer' : 'verify_none'}}`,
    `{fail_if_no_peer_cert, ${asksForCertificate}}`,
  ]
  const open = async (): Promise<number> => {
    const port = await freePort()
    await evaluate(
      `rabbit_networking:start_ssl_listener({"127.0.0.1", ${port}}, [${options.join(', ')}], 1), ok.`,
    )
    return port
  }
  // Another test may take the port before RabbitMQ does, which then ends the evaluation without an answer.
  return await open().catch(open)
}
