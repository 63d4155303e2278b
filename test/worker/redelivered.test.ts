import { expect, test, vi } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import type { MemoryBroker } from '../../src/brokers/memory/memory-broker.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

test('a message that is delivered again while its task runs here is settled with that run', async () => {
  const { app, gate, runs, call } = startable()
  await startWorker(app, { concurrency: 4 })
  const called = await call.delay()
  await waitFor('the run', () => runs.length === 1)
  for (const _ of [1, 2, 3]) loseAndRestore(app)
  await waitFor('the delivery', async () => (await depth(app)) === 0)
  gate.resolve()
  expect(await called.get({ timeoutMs: 5_000 })).toBe('done')
  expect(runs).toEqual([0])
  loseAndRestore(app)
  await waitFor('the end', async () => (await depth(app)) === 0)
  expect(runs).toEqual([0])
})

test('a task held for its eta runs once, however often its message is delivered again', async () => {
  const { app, gate, runs, call } = startable()
  gate.resolve()
  await startWorker(app, { concurrency: 4 })
  await call.applyAsync([], { countdown: 1 })
  await waitFor('the delivery', async () => (await depth(app)) === 0)
  loseAndRestore(app)
  await waitFor('the delivery again', async () => (await depth(app)) === 0)
  await waitFor('the run', () => runs.length > 0)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(runs).toEqual([0])
})

test('a retry, which has the same id, runs although the attempt before it was delivered again', async () => {
  const app = embeddedApp({ task_acks_late: true })
  const gate = deferred()
  const retries: number[] = []
  const task = app.task('export.again', { bind: true, maxRetries: 1 }, async (self) => {
    retries.push(self.request.retries)
    await gate.promise
    if (self.request.retries === 0) throw self.retry({ countdown: 0 })
    return 'done'
  })
  await startWorker(app)
  const called = await task.delay()
  await waitFor('the run', () => retries.length === 1)
  loseAndRestore(app)
  await waitFor('the delivery', async () => (await depth(app)) === 0)
  gate.resolve()
  expect(await called.get({ timeoutMs: 5_000 })).toBe('done')
  expect(retries).toEqual([0, 1])
})

test('worker_deduplicate_successful_tasks: a message delivered again is acknowledged where its success is stored', async () => {
  const app = embeddedApp({ task_acks_late: true, worker_deduplicate_successful_tasks: true })
  const run = vi.fn(() => 'ran')
  const task = app.task('export.once', run)
  const called = await task.delay()
  const results = await app.results()
  const about = { traceback: null, dateDone: new Date() }
  await results.save({ taskId: called.id, status: 'SUCCESS', result: 'stored', ...about })
  // Delivered to a consumer that is lost.
  await app.broker().get('export')
  loseAndRestore(app)
  await startWorker(app)
  await waitFor('the end', async () => (await depth(app)) === 0)
  expect(await called.get({ timeoutMs: 1_000 })).toBe('stored')
  expect(run).not.toHaveBeenCalled()
})

function startable() {
  const app = embeddedApp({ task_acks_late: true })
  const gate = deferred()
  const runs: number[] = []
  const call = app.task('export.waits', { bind: true }, async (self) => {
    runs.push(self.request.retries)
    await gate.promise
    return 'done'
  })
  return { app, gate, runs, call }
}

function loseAndRestore(app: CeleryApp): void {
  const broker = app.broker() as MemoryBroker // embeddedApp has no other
  broker.simulateLoss()
  broker.simulateRestore()
}

async function depth(app: CeleryApp): Promise<number> {
  return (await app.broker().depth('export')).messages
}
