import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { applySite, withSiteLogging } from '../../src/cli/app/site-settings.ts'
import { Config } from '../../src/config/config.ts'
import { createLogger } from '../../src/config/logging/logging.ts'

test.each([
  ['alone', 'queues', 'sqs://me:x@sqs.example:9324'],
  ['beside pika', 'rabbit, queues', 'amqp://guest:guest@mq.example:5672/%2F'],
  ['as the transport', 'rabbit, queues, choice', 'sqs://me:x@sqs.example:9324'],
])('the block sqs of a site is the broker of workers: %s', async (_, blocks, url) => {
  const folder = mkdtempSync(join(tmpdir(), 'site-settings-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(
    join(folder, 'site.yml'),
    `version: 1
rabbit: {plugin: pika, host: mq.example, port: 5672, username: guest, password: guest, vhost: /}
queues: {plugin: sqs, url: 'sqs://me:x@sqs.example:9324', region: eu-west-1, queue_name_prefix: zoc-, delivery_limit: 3}
choice: {plugin: transport, default: SqsTransport}
environments: {mine: [${blocks}]}
`,
  )
  vi.stubEnv('ZOCALO_CONFIG', join(folder, 'site.yml'))
  vi.stubEnv('CELERY_BROKER_URL', undefined)
  onTestFinished(async () => {
    vi.stubEnv('ZOCALO_CONFIG', undefined)
    await applySite()
    vi.unstubAllEnvs()
  })
  await applySite(['mine'])
  const config = new Config({ dotenv: false })
  expect(config.get('broker_url')).toBe(url)
  if (url.startsWith('sqs')) {
    const options = { region: 'eu-west-1', queue_name_prefix: 'zoc-' }
    expect(config.get('broker_transport_options')).toEqual(options)
  }
  const own = new Config({ broker_url: 'sqs://', dotenv: false })
  expect(own.get('broker_transport_options')).not.toMatchObject({ queue_name_prefix: 'zoc-' })
})

test.each(['http://me:se%cret@', 'me:se%cret@mq.example:15672/api'])(
  'a base_url that is no url is refused by its place, without its password: %s',
  async (url) => {
    const folder = mkdtempSync(join(tmpdir(), 'site-settings-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(
      join(folder, 'site.yml'),
      `version: 1
api: {plugin: rabbitmqapi, base_url: '${url}', username: me, password: x}
environments: {mine: [api]}
`,
    )
    vi.stubEnv('ZOCALO_CONFIG', join(folder, 'site.yml'))
    onTestFinished(async () => {
      vi.stubEnv('ZOCALO_CONFIG', undefined)
      await applySite()
      vi.unstubAllEnvs()
    })
    const refused = await applySite(['mine']).catch((error: unknown) => inspect(error))
    expect(refused).toContain('base_url of the block "rabbitmqapi" is no url')
    expect(refused).not.toContain('cret')
  },
)

test('a site file says where the broker of workers and monitors is, and what is logged where, unless the app does', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'site-settings-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(
    join(folder, 'site.yml'),
    `version: 1
rabbit: {plugin: pika, host: mq.example, port: 5673, username: me, password: 'p@ss/word', vhost: zocalo}
api: {plugin: rabbitmqapi, base_url: 'http://mq.example:15672/api', username: me, password: x}
log: {plugin: logging, handlers: {f: {class: logging.FileHandler, filename: ${folder}/all.log}}, root: {level: INFO, handlers: [f]}}
environments: {other: [], mine: [rabbit, api, log]}
`,
  )
  vi.stubEnv('ZOCALO_CONFIG', join(folder, 'site.yml'))
  // The live tests' environment names a server, which counts before the site.
  vi.stubEnv('CELERY_BROKER_URL', undefined)
  vi.stubEnv('RABBITMQ_API_URL', undefined)
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await applySite()
  })
  await applySite(['mine'])
  const config = new Config({ dotenv: false })
  expect(config.get('broker_url')).toBe('amqp://me:p%40ss%2Fword@mq.example:5673/zocalo')
  expect(config.source('broker_url')).toBe('site')
  expect(config.RABBITMQ_API_URL).toBe('http://me:x@mq.example:15672/')
  expect(new Config({ broker_url: 'memory://', dotenv: false }).get('broker_url')).toBe('memory://')
  const sqs = new Config({ broker_transport: 'sqs', dotenv: false })
  expect(sqs.source('broker_url')).not.toBe('site')
  const logger = await createLogger(config, { level: 'error' })
  const logging = await withSiteLogging(
    { logger, close: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() },
    0,
  )
  logging.logger.child({ queue: 'q' }).info('the worker is ready')
  await logging.close()
  expect(readFileSync(join(folder, 'all.log'), 'utf8')).toBe('the worker is ready queue=q\n')
})
