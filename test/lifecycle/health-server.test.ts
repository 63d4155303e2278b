import { expect, onTestFinished, test } from 'vitest'
import { HealthServer, type HealthServerOptions } from '../../src/lifecycle/health-server.ts'
import type { Runnable } from '../../src/lifecycle/run-until-stopped.ts'
import { withHealth } from '../../src/lifecycle/with-health.ts'
import { silentLogger } from '../../src/logger.ts'
import { recordingLogger } from '../support/embedded-app.ts'

test('a service that is well is live and ready, and its metrics can be read', async () => {
  const ask = await serving({
    metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
  })
  expect(await ask('/livez')).toMatchObject({ status: 200, text: 'ok\n' })
  expect(await ask('/readyz?verbose')).toMatchObject({ status: 200, text: 'ok\n' })
  expect(await ask('/metrics')).toEqual({
    status: 200,
    text: 'up 1\n',
    type: 'text/plain; version=0.0.4',
  })
})

test('what keeps it from its work is listed line by line; it lives all the same', async () => {
  const ask = await serving({ problems: () => ['the broker is away', 'the database is away'] })
  expect(await ask('/readyz')).toMatchObject({
    status: 503,
    text: 'the broker is away\nthe database is away\n',
  })
  expect(await ask('/livez')).toMatchObject({ status: 200 })
})

test('other paths are not there, and nothing can be changed', async () => {
  const ask = await serving({})
  expect(await ask('/')).toMatchObject({ status: 404 })
  expect(await ask('/metrics')).toMatchObject({ status: 404 })
  expect(await ask('/livez', 'POST')).toMatchObject({ status: 405 })
  expect(await ask('/livez', 'HEAD')).toMatchObject({ status: 200, text: '' })
})

test('metrics that cannot be read end the answer, not the service', async () => {
  const logger = recordingLogger()
  const ask = await serving({ logger, metrics: () => Promise.reject(new Error('broken')) })
  await expect(ask('/metrics')).rejects.toThrow()
  expect(logger.lines).toMatchObject([{ level: 'info' }, { level: 'warn' }])
  expect(await ask('/livez')).toMatchObject({ status: 200 })
})

test('a port that is taken is an error', async () => {
  const first = server({})
  await first.start()
  await expect(server({ port: first.port }).start()).rejects.toThrow(/EADDRINUSE/)
})

test('a service is not ready before it has started, nor while it stops', async () => {
  const first = server({})
  await first.start()
  const { port } = first
  await first.stop()
  const readiness = async (): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${port}/readyz`)).text()
  const seen: string[] = []
  const look = async (): Promise<void> => {
    seen.push(await readiness())
  }
  const service: Runnable = { start: look, stop: look }
  const watched = withHealth(service, { port, problems: () => [], logger: silentLogger })
  await watched.start()
  await look()
  await watched.stop({})
  expect(seen).toEqual(['it is starting\n', 'ok\n', 'it is stopping\n'])
  await expect(readiness()).rejects.toThrow()
})

type Ask = (path: string, method?: string) => Promise<Seen>

interface Seen {
  readonly status: number
  readonly text: string
  readonly type: string | null
}

function server(options: Partial<HealthServerOptions>): HealthServer {
  const made = new HealthServer({ port: 0, problems: () => [], logger: silentLogger, ...options })
  onTestFinished(() => made.stop())
  return made
}

async function serving(options: Partial<HealthServerOptions>): Promise<Ask> {
  const made = server(options)
  await made.start()
  return async (path, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${made.port}${path}`, { method })
    const { status, headers } = response
    return { status, text: await response.text(), type: headers.get('content-type') }
  }
}
