import { expect, test } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { startBroker, stopBroker } from '../support/rabbitmqctl.ts'
import { waitFor } from '../support/wait-for.ts'

test('200 delayed messages survive a restart of the broker, and none runs early', async () => {
  const servers = await freshServers()
  const app = liveApp(servers, { task_default_queue_type: 'quorum', task_acks_late: true })
  const ranAt = new Map<string, number>()
  app.task('export.note', { bind: true }, (self) => {
    ranAt.set(self.request.id, Date.now())
  })
  await app.setUp()
  const sentAt = Date.now()
  const ids = await sendMany(app, 200, 9)
  const held = async (): Promise<number> => (await app.broker().depth('celery_delayed_3')).messages
  await waitFor('all of them in their level', async () => (await held()) === 200)
  await stopBroker()
  await startBroker()
  await startWorker(app)
  await waitFor('all of them', () => ids.every((id) => ranAt.has(id)), { deadlineMs: 60_000 })
  expect(Math.min(...ranAt.values())).toBeGreaterThanOrEqual(sentAt + 9_000)
}, 150_000)

async function sendMany(app: CeleryApp, count: number, countdown: number): Promise<string[]> {
  const sent = await Promise.all(
    Array.from({ length: count }, async (_, n) =>
      app.sendTask('export.note', [n], {}, { countdown }),
    ),
  )
  return sent.map(({ id }) => id)
}
