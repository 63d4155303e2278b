import { expect, onTestFinished, test } from 'vitest'
import { freshServers, liveApp } from '../support/live-app.ts'
import { rabbitmqctl } from '../support/rabbitmqctl.ts'
import { waitFor } from '../support/wait-for.ts'

test('a worker stops within seconds though RabbitMQ reads nothing, short of memory', async () => {
  const app = liveApp(await freshServers(['fault']), { result_backend: 'disabled://' })
  const ran: number[] = []
  const task = app.task('fault.note', (n: number) => void ran.push(n))
  const worker = app.worker({ queues: ['fault'], taskEvents: true })
  await worker.start()
  await task.delay(1)
  await waitFor('the task', () => ran.includes(1))

  await rabbitmqctl('set_vm_memory_high_watermark', '0.00001')
  const release = () => rabbitmqctl('set_vm_memory_high_watermark', '0.6').then(() => undefined)
  onTestFinished(release)
  // It blocks those who publish.
  await expect(task.delay(2)).rejects.toMatchObject({ code: 'PUBLISH_UNCONFIRMED' })
  const since = performance.now()
  await worker.stop({ graceMs: 0 })
  await app.close()
  expect(performance.now() - since).toBeLessThan(15_000)
})
