import { expect, onTestFinished, test } from 'vitest'
import { workerWithHealth } from '../../src/cli/health/worker-health.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { freshVhost, type Vhost } from '../support/rabbitmq.ts'
import { rabbitmqctl } from '../support/rabbitmqctl.ts'
import { waitFor } from '../support/wait-for.ts'

const OFF = { result_backend: 'disabled://' }

test('a worker whose permission is taken for a while says so in /readyz, and consumes again when it is back', async () => {
  const servers = await freshServers(['fault'])
  const app = liveApp(servers, OFF)
  await expectTruth(app, servers.vhost, 19_731)
})

test('a worker says so of what it reads from, though it writes to another broker', async () => {
  const read = await freshVhost()
  const servers = await freshServers(['fault'])
  const [broker_read_url, broker_write_url] = [read.url, servers.vhost.url]
  const settings = { ...OFF, broker_read_url, broker_write_url }
  await expectTruth(liveApp(servers, settings), read, 19_732)
})

/** Takes the permission on what is read from, and gives it back. */
async function expectTruth(app: CeleryApp, read: Vhost, port: number): Promise<void> {
  const ran: number[] = []
  app.task('fault.note', (n: number) => void ran.push(n))
  const { service } = await workerWithHealth(app, { host: '127.0.0.1', port }, (more) =>
    app.worker({ queues: ['fault'], ...more }),
  )
  await service.start()
  onTestFinished(() => service.stop({}))
  const caller = liveApp({ vhost: read, databaseUrl: '', queues: ['fault'], env: {} }, OFF)
  const runs = async (n: number): Promise<void> => {
    await caller.sendTask('fault.note', [n])
    await waitFor(`task ${n}`, () => ran.includes(n))
  }
  const ready = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    return { status: answer.status, text: await answer.text() }
  }
  await runs(1)
  expect(await ready()).toMatchObject({ status: 200 })

  await permit(read, '')
  onTestFinished(() => permit(read, '.*'))
  await read.closeConnections()
  const refused = { status: 503, text: expect.stringContaining('"fault" is not consumed') }
  await expect.poll(ready, { timeout: 10_000 }).toMatchObject(refused)

  await permit(read, '.*')
  const since = performance.now()
  await expect.poll(ready, { timeout: 10_000 }).toMatchObject({ status: 200 })
  expect(performance.now() - since).toBeLessThan(5_000)
  await runs(2)
}

async function permit({ name, url }: Vhost, what: string): Promise<void> {
  await rabbitmqctl('set_permissions', '-p', name, new URL(url).username, what, what, what)
}
