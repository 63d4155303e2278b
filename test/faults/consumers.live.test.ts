import { expect, onTestFinished, test } from 'vitest'
import { brokerProblems } from '../../src/cli/health/broker-problems.ts'
import { withHealth } from '../../src/lifecycle/with-health.ts'
import { silentLogger } from '../../src/logger.ts'
import { freshServers, liveApp, type Servers } from '../support/live-app.ts'
import { rabbitmqctl } from '../support/rabbitmqctl.ts'
import { waitFor } from '../support/wait-for.ts'

test('a worker whose permission is taken for a while says so in /readyz, and consumes again when it is back', async () => {
  const servers = await freshServers(['fault'])
  const app = liveApp(servers, { result_backend: 'disabled://' })
  const ran: number[] = []
  const task = app.task('fault.note', (n: number) => void ran.push(n))
  const worker = app.worker({ queues: ['fault'] })
  const port = 19_731
  const broker = app.broker()
  const health = withHealth(worker, {
    port,
    logger: silentLogger,
    problems: brokerProblems(broker),
  })
  await health.start()
  onTestFinished(() => health.stop({}))
  await task.delay(1)
  await waitFor('the first task', () => ran.includes(1))
  const ready = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    return { status: answer.status, text: await answer.text() }
  }
  expect(await ready()).toMatchObject({ status: 200 })

  await permit(servers, '')
  onTestFinished(() => permit(servers, '.*'))
  await servers.vhost.closeConnections()
  await waitFor('the problem', () => broker.problems.length > 0)
  await expect.poll(ready).toMatchObject({ status: 503, text: expect.stringContaining('"fault"') })

  await permit(servers, '.*')
  const since = performance.now()
  await waitFor('the consumer', () => broker.problems.length === 0)
  expect(performance.now() - since).toBeLessThan(5_000)
  await task.delay(2)
  await waitFor('the second task', () => ran.includes(2))
  expect(await ready()).toMatchObject({ status: 200 })
})

async function permit({ vhost }: Servers, what: string): Promise<void> {
  const user = new URL(vhost.url).username
  await rabbitmqctl('set_permissions', '-p', vhost.name, user, what, what, what)
}
