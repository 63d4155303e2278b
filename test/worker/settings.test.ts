import { expect, test } from 'vitest'
import { MemoryBroker } from '../../src/brokers/memory/memory-broker.ts'
import type { ConfigOptions } from '../../src/config/config.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'

test('task_time_limit ends a task that has no limit of its own', async () => {
  const app = embeddedApp({ task_time_limit: 0.05 })
  const task = app.task('export.never', () => new Promise(() => undefined))
  await startWorker(app)
  const result = await task.delay()
  await expect(result.get({ timeoutMs: 5_000 })).rejects.toMatchObject({
    excType: 'TimeLimitExceeded',
  })
})

test('task_soft_time_limit aborts the signal of a task that has no limit of its own', async () => {
  const app = embeddedApp({ task_soft_time_limit: 0.05 })
  const task = app.task('export.patient', { bind: true }, async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return String(signal.reason)
  })
  await startWorker(app)
  expect(await (await task.delay()).get({ timeoutMs: 5_000 })).toMatch(/soft time limit of 0.05 s/)
})

test('the limit of a task, or of a call, wins over task_time_limit', async () => {
  const app = embeddedApp({ task_time_limit: 0.01 })
  const slow = async (): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve, 60))
    return 'done'
  }
  const own = app.task('export.own', { timeLimit: 60 }, slow)
  const plain = app.task('export.plain', slow)
  await startWorker(app)
  expect(await (await own.delay()).get({ timeoutMs: 5_000 })).toBe('done')
  const called = await plain.applyAsync([], { timeLimit: 60 })
  expect(await called.get({ timeoutMs: 5_000 })).toBe('done')
})

test.each<[string, Partial<ConfigOptions>, { failed: number; timedOut: number }]>([
  ['by default both are acknowledged', {}, { failed: 0, timedOut: 0 }],
  [
    'task_acks_on_failure: false keeps failures',
    { task_acks_on_failure: false },
    { failed: 1, timedOut: 0 },
  ],
  [
    'task_acks_on_timeout: false keeps tasks that ran out of time',
    { task_acks_on_timeout: false },
    { failed: 0, timedOut: 1 },
  ],
  [
    'each wins over task_acks_on_failure_or_timeout',
    { task_acks_on_failure_or_timeout: false, task_acks_on_timeout: true },
    { failed: 1, timedOut: 0 },
  ],
])('late acknowledgement: %s', async (_, settings, kept) => {
  const app = embeddedApp({ queues: ['failing', 'slow'], task_acks_late: true, ...settings })
  const failing = app.task('failing.task', () => {
    throw new Error('no')
  })
  const slow = app.task('slow.task', { timeLimit: 0.02 }, () => new Promise(() => undefined))
  const worker = await startWorker(app)
  const results = [await failing.delay(), await slow.delay()]
  for (const result of results) await expect(result.get({ timeoutMs: 5_000 })).rejects.toThrow()
  await worker.stop()
  const keptIn = async (queue: string): Promise<number> =>
    (
      await app
        .broker()
        .depth(`dlq.${queue}`)
        .catch(() => ({ messages: 0 }))
    ).messages
  expect({ failed: await keptIn('failing'), timedOut: await keptIn('slow') }).toEqual(kept)
})

test.each<[string, Partial<ConfigOptions>, 1 | 2 | undefined, number]>([
  ['transient', { task_default_delivery_mode: 'transient' }, undefined, 1],
  ['persistent, the default', {}, undefined, 2],
  ['that of the call, which wins', { task_default_delivery_mode: 1 }, 2, 2],
])('task_default_delivery_mode: messages are %s', async (_, settings, deliveryMode, mode) => {
  const app = embeddedApp(settings)
  const task = app.task('export.pdf', () => 1)
  await task.applyAsync([], deliveryMode === undefined ? {} : { deliveryMode })
  const broker = app.broker()
  expect(broker).toBeInstanceOf(MemoryBroker)
  const delivery = await broker.get('export')
  expect(delivery?.message.properties.deliveryMode).toBe(mode)
})
