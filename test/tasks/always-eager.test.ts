import { expect, test, vi } from 'vitest'
import type { ConfigOptions } from '../../src/config/config.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import { ResultError } from '../../src/errors.ts'
import { MemoryResultStore } from '../../src/results/memory/memory-store.ts'
import { chain, chord, group } from '../../src/tasks/canvas/canvas.ts'
import { embeddedApp } from '../support/embedded-app.ts'

/** The broker cannot be reached: whatever left this process would fail. */
const NOWHERE = { broker_url: 'amqp://127.0.0.1:1', task_always_eager: true }

test('with task_always_eager a task has run, in this process, when its call returns', async () => {
  const app = eagerApp()
  const ran: number[] = []
  const task = app.task('export.add', (one: number, other: number) => {
    ran.push(one + other)
    return one + other
  })
  const result = await task.delay(2, 3)
  expect(ran).toEqual([5])
  expect(await result.get()).toBe(5)
})

test('a countdown is not waited for, and a retry comes at once', async () => {
  const app = eagerApp()
  let attempts = 0
  const task = app.task(
    'export.flaky',
    { maxRetries: 2, defaultRetryDelay: 3_600, autoretryFor: [Error] },
    () => {
      attempts += 1
      if (attempts < 3) throw new Error('not yet')
      return 'at last'
    },
  )
  const result = await task.applyAsync([], { countdown: 3_600 })
  expect(await result.get()).toBe('at last')
  expect(attempts).toBe(3)
})

test('chains, groups, chords and tasks that call tasks are over, too', async () => {
  const app = eagerApp()
  const add = app.task('export.add', (one: number, other: number) => one + other)
  const sum = app.task('export.sum', (numbers: readonly number[]) =>
    numbers.reduce((a, b) => a + b),
  )
  const nested = app.task('export.nested', async () => (await add.delay(20, 1)).get())
  expect(await (await chain(add.s(1, 2), add.s(4)).delay()).get()).toBe(7)
  expect(await (await group([add.s(1, 1), add.s(2, 2)]).delay()).get()).toEqual([2, 4])
  expect(await (await chord([add.s(1, 1), add.s(2, 2)], sum.s()).delay()).get()).toBe(6)
  expect(await (await nested.delay()).get()).toBe(21)
})

test('a failure is in the result, or reaches the caller with task_eager_propagates', async () => {
  const declare = (app: CeleryApp) =>
    app.task('export.fail', () => {
      throw new RangeError('too much')
    })
  const result = await declare(eagerApp()).delay()
  await expect(result.get()).rejects.toMatchObject({ excType: 'RangeError' })
  const propagating = declare(eagerApp({ task_eager_propagates: true }))
  await expect(propagating.delay()).rejects.toThrow(RangeError)
})

test('task_store_eager_result keeps results in the result backend as well', async () => {
  const name = 'eager-results'
  const add = (app: CeleryApp) => app.task('export.one', () => 1)
  const kept = await add(
    eagerApp({ result_backend: `memory://${name}`, task_store_eager_result: true }),
  ).delay()
  const notKept = await add(eagerApp({ result_backend: `memory://${name}` })).delay()
  const backend = new MemoryResultStore({ name })
  expect((await backend.get(kept.id)).status).toBe('SUCCESS')
  expect((await backend.get(notKept.id)).status).toBe('PENDING')
})

test('a task that this process does not have is named', async () => {
  const app = eagerApp()
  app.task('export.one', () => 1)
  await expect(app.sendTask('export.other')).rejects.toThrow(
    'there is no task "export.other"; the tasks are: export.one',
  )
})

test('a call ends, as a failure, where its result cannot be stored', async () => {
  const app = eagerApp({ task_eager_propagates: true, task_acks_late: true })
  const task = app.task('export.one', { acksLate: true }, () => 1)
  const refused = new ResultError('RESULT_UNREACHABLE', 'the server is full')
  vi.spyOn(await app.results(), 'save').mockRejectedValue(refused)
  await expect(task.delay()).rejects.toBe(refused)
})

test('a call whose message cannot be read is rejected', async () => {
  const app = eagerApp({ accept_content: ['yaml'], task_serializer: 'json' })
  const task = app.task('export.one', () => 1)
  await expect(task.delay()).rejects.toThrow('content_type')
  await expect(eagerApp().sendTask('celery.unknown')).rejects.toThrow('unregistered')
})

test('a call that finds its result backend away is rejected, and the next one finds it back', async () => {
  const app = eagerApp()
  const task = app.task('export.one', () => 1)
  const away = new ResultError('RESULT_UNREACHABLE', 'away')
  vi.spyOn(app, 'results').mockRejectedValueOnce(away)
  await expect(task.delay()).rejects.toBe(away)
  expect(await (await task.delay()).get()).toBe(1)
})

test('two calls with one id are both over when their task is', async () => {
  const app = eagerApp()
  const task = app.task('export.one', () => 1)
  const calls = [1, 2].map(async () => task.applyAsync([], { taskId: 'same' }))
  expect(await Promise.all(calls)).toHaveLength(2)
})

function eagerApp(settings: Partial<ConfigOptions> = {}): CeleryApp {
  return embeddedApp({ ...NOWHERE, ...settings })
}
