import { expect, test } from 'vitest'
import { type Deferred, deferred } from '../../src/async/deferred.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'

test('with worker_disable_prefetch a message is taken only when a slot is free for it', async () => {
  const app = embeddedApp({ queues: ['export', 'other'], worker_disable_prefetch: true })
  const running: Deferred<void>[] = []
  const task = app.task('export.slow', async () => {
    const end = deferred()
    running.push(end)
    await end.promise
  })
  const results = await Promise.all([1, 2, 3, 4].map(async () => task.delay()))
  const worker = await startWorker(app, { concurrency: 2 })
  const waiting = async (): Promise<number> => (await app.broker().depth('export')).messages
  await expect.poll(() => running.length).toBe(2)
  // Acknowledged early, so that with prefetch the broker would have handed out all of them.
  expect(await waiting()).toBe(2)
  running[0]?.resolve()
  await expect.poll(() => running.length).toBe(3)
  expect(await waiting()).toBe(1)
  running[1]?.resolve()
  await expect.poll(() => running.length).toBe(4)
  for (const end of running) end.resolve()
  await Promise.all(results.map(async (result) => result.get({ timeoutMs: 5_000 })))
  await worker.stop()
})

test('a stop leaves what was not taken in its queue', async () => {
  const app = embeddedApp({ worker_disable_prefetch: true })
  const end = deferred()
  const task = app.task('export.slow', async () => end.promise)
  await Promise.all([1, 2].map(async () => task.delay()))
  const worker = await startWorker(app, { concurrency: 1 })
  await expect.poll(() => worker.running).toBe(1)
  const stopping = worker.stop()
  end.resolve()
  await stopping
  expect((await app.broker().depth('export')).messages).toBe(1)
})
