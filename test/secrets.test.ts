import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createClient, createWorker } from '../src/celery-node/index.ts'
import { MemoryStore, ZookeeperBoard } from '../src/flows/index.ts'
import { createApp, openBroker } from '../src/index.ts'
import { createDataSource, Monitor, openDatabase } from '../src/monitor/index.ts'
import { PikaTransport, SiteConfig, SqsTransport } from '../src/recipes/index.ts'
import { amqp, json, kafka, redis, zmq } from '../src/streams/index.ts'
import { makeConfig } from './config/make-config.ts'
import { Secrets } from './support/secrets.ts'

const secrets = new Secrets()
const url = (scheme: string) => `${scheme}://user:${secrets.of(scheme)}@127.0.0.1:1/v`
const CURVE = {
  publicKey: 'a'.repeat(40),
  secretKey: secrets.of('secretKey').padEnd(40, '0'),
  serverKey: 'b'.repeat(40),
}
const SASL = { mechanism: 'PLAIN', username: 'user', password: secrets.of('sasl') } as const
const SITE = `
version: 1
pika: { plugin: pika, host: h, port: 1, username: user, password: ${secrets.of('site')}, vhost: v }
environments:
  live: { plugins: [pika] }
`

const config = () =>
  makeConfig({
    broker_url: url('amqp'),
    broker_read_url: url('amqps'),
    broker_write_url: url('pyamqp'),
    result_backend: url('redis'),
    redis_password: secrets.of('redis_password'),
    broker_password: secrets.of('broker_password'),
    broker_use_ssl: { keyfile: '/key.pem', password: secrets.of('key password') },
    redis_backend_use_ssl: { ssl_keyfile_password: secrets.of('ssl_keyfile_password') },
    RABBITMQ_API_URL: url('http'),
    SENTRY_DSN: `https://${secrets.of('SENTRY_DSN')}@sentry.example/1`,
  })
const app = () => createApp(config())
const broker = () => openBroker({ url: url('amqp') })

/** Everything that an application gets in its hands, and may log as a whole. */
const SHOWN: Readonly<Record<string, () => unknown>> = {
  Config: config,
  'the settings of a Config': () => config().toObject({ masked: true }),
  CeleryApp: app,
  'the control of an app': () => app().control,
  'the events of an app': () => app().events,
  'a task': () => app().task('export.add', () => 1),
  'a signature': () =>
    app()
      .task('export.add', () => 1)
      .s(),
  'a result': () => app().asyncResult('id'),
  Worker: () => app().worker(),
  'a broker of RabbitMQ': broker,
  'a broker in memory': () => openBroker({ url: url('memory') }),
  'a broker of Amazon SQS': () =>
    openBroker({ url: url('sqs'), transportOptions: { region: 'eu-west-1' } }),
  'a database that is away': () => openDatabase({ url: url('postgresql') }),
  DataSource: () => createDataSource(url('postgres')),
  Monitor: () => new Monitor({ broker: broker(), database: NO_DATABASE, config: config() }),
  ZookeeperBoard: () => new ZookeeperBoard({ hosts: 'h:2181', store: new MemoryStore() }),
  SiteConfig: () => SiteConfig.fromString(SITE),
  'an activated SiteConfig': async () => {
    const site = SiteConfig.fromString(SITE)
    await site.activate(['live'])
    return site
  },
  PikaTransport: () => new PikaTransport({ host: 'h', password: secrets.of('pika') }),
  SqsTransport: () => new SqsTransport({ url: url('sqs') }),
  'links of RabbitMQ': () => amqp.publish(app(), 'q', { codec: json() }),
  'links of Redis': () => redis.publish(url('redis'), 'q', { codec: json() }),
  'links of Kafka': () => kafka.publish('h:1', 'topic', { sasl: SASL, codec: json() }),
  'links of ZeroMQ': () => zmq.push('tcp://h:1', { curve: CURVE }),
  'a client of celery.node': () => createClient(url('amqp'), url('redis')),
  'a worker of celery.node': () => createWorker(url('amqp'), url('redis')),
}

const NO_DATABASE = undefined as never // it is asked for nothing before the start

describe.each(Object.entries(SHOWN))('%s', (_, make) => {
  test('shows no secret, however it is printed, also where it cannot be made', async () => {
    const shown = await Promise.resolve()
      .then(make)
      .catch((error: unknown) => error)
    const texts = [
      inspect(shown, { depth: 12, showHidden: true, getters: true }),
      inspect(shown, { depth: 12 }),
      jsonOf(shown),
      String(shown),
      shown instanceof Error ? `${shown.stack}` : '',
    ]
    expect(secrets.shownIn(texts.join('\n'))).toEqual([])
  })
})

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch (error) {
    return String(error) // it holds itself
  }
}
