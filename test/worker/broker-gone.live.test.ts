import { expect, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import { embeddedApp, recordingLogger } from '../support/embedded-app.ts'
import { freshVhost } from '../support/rabbitmq.ts'
import { silenceable } from '../support/silenceable.ts'
import { waitFor } from '../support/wait-for.ts'

test('a worker whose broker is gone stops at once, though its last events are not sent', async () => {
  const way = await silenceable((await freshVhost()).url, 5672)
  const logger = recordingLogger()
  const app = embeddedApp({ broker_url: way.url }, { logger })
  const worker = app.worker({ taskEvents: true, heartbeatSeconds: 0.05 })
  await worker.start()
  const attempts = (): number =>
    logger.lines.filter(({ sentence }) => sentence.startsWith('broker unreachable')).length
  way.cut()
  await waitFor('attempts to connect again', () => attempts() > 1)
  const startedAt = performance.now()
  await worker.stop()
  await app.close()
  expect(performance.now() - startedAt).toBeLessThan(1_000)
})

test('a worker whose broker has fallen silent stops within its grace and half a minute', async () => {
  const way = await silenceable((await freshVhost()).url, 5672)
  const app = embeddedApp({ broker_url: way.url, task_acks_late: true })
  const begun = deferred()
  const task = app.task('export.endless', () => {
    begun.resolve()
    return new Promise(() => undefined)
  })
  const worker = app.worker({ taskEvents: true })
  await worker.start()
  await task.delay()
  await begun.promise
  way.swallow()
  const startedAt = performance.now()
  await Promise.allSettled([worker.stop({ graceMs: 100 }), worker.stop({ graceMs: 100 })])
  await worker.ended
  expect(performance.now() - startedAt).toBeLessThan(31_000)
}, 60_000)

test('a worker stops within seconds though the network to RabbitMQ swallows everything', async () => {
  const way = await silenceable((await freshVhost()).url, 5672)
  const app = embeddedApp({ broker_url: way.url })
  const worker = app.worker()
  await worker.start()

  way.swallow()
  const since = performance.now()
  await worker.stop({ graceMs: 0 })
  await app.close()
  expect(performance.now() - since).toBeLessThan(15_000)
})
