import { expect, test, vi } from 'vitest'
import { type Deferred, deferred } from '../../src/async/deferred.ts'
import { BrokerError } from '../../src/errors.ts'
import type { Route } from '../../src/protocol/message.ts'
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

test('with worker_disable_prefetch nothing is taken from a queue while one of its messages can neither be run nor kept', async () => {
  const app = embeddedApp({ queues: ['export', 'other'], worker_disable_prefetch: true })
  const broker = app.broker()
  const publish = broker.publish.bind(broker)
  const isDeadLetter = ({ routingKey }: Route) => routingKey.startsWith('dlq.')
  const refused = vi
    .spyOn(broker, 'publish')
    .mockImplementation(async (message, route, options) => {
      if (isDeadLetter(route)) throw new BrokerError('PUBLISH_REFUSED', 'the queue is full')
      await publish(message, route, options)
    })
  const ran: string[] = []
  const [held, other] = ['export.one', 'other.one'].map((name) =>
    app.task(name, () => ran.push(name)),
  )
  const worker = await startWorker(app)
  const route = { exchange: '', routingKey: 'export' }
  await publish({ headers: {}, properties: {}, body: Buffer.from('x') }, route)
  await expect.poll(() => worker.problems.length).toBe(1)
  await held?.delay()
  await (await other?.delay())?.get({ timeoutMs: 5_000 })
  expect(ran).toEqual(['other.one'])
  refused.mockRestore()
  await expect.poll(() => ran, { timeout: 5_000 }).toEqual(['other.one', 'export.one'])
})
