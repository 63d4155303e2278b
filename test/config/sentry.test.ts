import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test, vi } from 'vitest'
import { reportingLogger, setupSentry } from '../../src/config/logging/sentry.ts'
import { silentLogger } from '../../src/logger.ts'
import { makeConfig } from './make-config.ts'

test('there is no reporter without a DSN, or where Sentry is turned off', async () => {
  expect(await setupSentry(makeConfig())).toBeNull()
  const off = makeConfig({ SENTRY_DSN: 'https://k@localhost/1', SETUP_SENTRY_LOGGING: false })
  expect(await setupSentry(off)).toBeNull()
})

test('an error that is reported arrives at the DSN with name, environment, release and context', async () => {
  const { dsn, received } = await startSentryServer()
  const config = makeConfig({
    environment: {
      SENTRY_DSN: dsn,
      SENTRY_NAME: 'w1',
      SENTRY_ENVIRONMENT: 'staging',
      SENTRY_RELEASE: '1.2.3',
    },
  })
  const reporter = await setupSentry(config)
  reporter?.report(new TypeError('boom'), { task: 'export.pdf', taskId: 'id-1' })
  await reporter?.flush()
  expect(received.join('\n')).toContain('boom')
  const event = received.flatMap(eventsIn).find((one) => 'exception' in one)
  expect(event).toMatchObject({
    server_name: 'w1',
    environment: 'staging',
    release: '1.2.3',
    extra: { task: 'export.pdf', taskId: 'id-1' },
    exception: { values: [{ type: 'TypeError', value: 'boom' }] },
  })
})

test('a reporting logger reports what is logged as an error, and nothing else', () => {
  const report = vi.fn()
  const logger = reportingLogger(silentLogger, { report, flush: async () => undefined })
  const boom = new Error('boom')
  logger.warn({ err: boom }, 'trying again')
  logger.child({ worker: 'w1' }).error({ err: boom, task: 't' }, 'task failed')
  logger.error('nothing works')
  expect(report.mock.calls).toEqual([
    [boom, { err: boom, task: 't', sentence: 'task failed' }],
    [new Error('nothing works'), {}],
  ])
})

/** Takes envelopes as Sentry does. */
async function startSentryServer() {
  const received: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      const isZipped = request.headers['content-encoding'] === 'gzip'
      received.push(String(isZipped ? gunzipSync(body) : body))
      response.end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { dsn: `http://key@127.0.0.1:${port}/1`, received }
}

function eventsIn(envelope: string): object[] {
  return envelope.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
}
