import { expect, onTestFinished, test, vi } from 'vitest'
import { ResultError } from '../../src/errors.ts'
import { UnsavedResult } from '../../src/results/failures.ts'
import { chain } from '../../src/tasks/canvas/canvas.ts'
import { embeddedApp, recordingLogger, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

test('a late-acknowledged task whose result cannot be stored for a while runs once, and its result is stored then', async () => {
  const app = embeddedApp({ task_acks_late: true })
  const results = await app.results()
  const save = results.save.bind(results)
  let refusals = 2
  vi.spyOn(results, 'save').mockImplementation(async (result) => {
    refusals -= 1
    if (refusals >= 0) throw new ResultError('RESULT_UNREACHABLE', 'the server is full')
    await save(result)
  })
  let runs = 0
  const once = app.task('export.once', () => {
    runs += 1
    return 'done'
  })
  await startWorker(app)
  const called = await once.delay()
  expect(await called.get({ timeoutMs: 10_000 })).toBe('done')
  expect(runs).toBe(1)
})

test('a late-acknowledged task whose result waits to be stored goes back to its queue when the worker stops', async () => {
  const app = embeddedApp({ task_acks_late: true })
  const results = await app.results()
  const save = vi
    .spyOn(results, 'save')
    .mockRejectedValue(new ResultError('RESULT_UNREACHABLE', ''))
  const task = app.task('export.waits', () => 'done')
  const worker = await startWorker(app)
  await task.delay()
  await waitFor('the refusal', () => save.mock.calls.length > 0)
  await worker.stop()
  expect(await app.broker().depth('export')).toMatchObject({ messages: 1 })
})

test('many tasks may wait for a result backend without a warning of Node', async () => {
  const app = embeddedApp({ task_acks_late: true })
  const results = await app.results()
  const save = vi
    .spyOn(results, 'save')
    .mockRejectedValue(new ResultError('RESULT_UNREACHABLE', ''))
  const warned = vi.spyOn(process, 'emitWarning')
  onTestFinished(() => warned.mockRestore())
  const task = app.task('export.waits', () => 'done')
  const worker = await startWorker(app, { concurrency: 20 })
  for (let calls = 0; calls < 20; calls += 1) await task.delay()
  await waitFor('the refusals', () => save.mock.calls.length >= 20)
  await worker.stop()
  expect(warned).not.toHaveBeenCalled()
})

test('a stop whose grace is over waits for no result backend that never answers', async () => {
  const app = embeddedApp({ task_acks_late: true })
  const results = await app.results()
  const save = vi.spyOn(results, 'save').mockReturnValue(new Promise(() => undefined))
  const task = app.task('export.waits', () => 'done')
  const worker = await startWorker(app)
  await task.delay()
  await waitFor('the save', () => save.mock.calls.length > 0)
  await worker.stop({ graceMs: 50 })
  expect(await app.broker().depth('export')).toMatchObject({ messages: 1 })
})

test('a task whose id no result backend takes runs once, is logged and acknowledged', async () => {
  const logger = recordingLogger()
  const app = embeddedApp({ task_acks_late: true }, { logger })
  const results = await app.results()
  const refused = { cause: new Error('value too long'), isFinal: true }
  vi.spyOn(results, 'save').mockImplementation(async ({ taskId }) => {
    throw new UnsavedResult(taskId, refused)
  })
  let runs = 0
  const task = app.task('export.once', () => {
    runs += 1
  })
  await startWorker(app)
  await task.delay()
  const said = (): boolean =>
    logger.lines.some(({ sentence }) => /cannot be stored, the task ends/.test(sentence))
  await waitFor('the log line', said)
  await waitFor('the end', async () => (await app.broker().depth('export')).messages === 0)
  expect(runs).toBe(1)
})

test('a task is acknowledged once it has failed, though no result backend takes the id of a step behind it', async () => {
  const logger = recordingLogger()
  const app = embeddedApp({ task_acks_late: true }, { logger })
  const results = await app.results()
  const save = results.save.bind(results)
  vi.spyOn(results, 'save').mockImplementation(async (result) => {
    if (result.taskId !== 'refused') return await save(result)
    const cause = new Error('value too long')
    throw new UnsavedResult(result.taskId, { cause, isFinal: true })
  })
  let runs = 0
  const fails = app.task('export.fails', () => {
    runs += 1
    throw new Error('no')
  })
  const step = (taskId: string) => fails.s().set({ taskId })
  const worker = await startWorker(app)
  await chain(fails.s(), step('refused'), step('last')).applyAsync()
  await waitFor('the failure', async () => (await results.get('last')).status === 'FAILURE')
  await worker.stop()
  expect(await app.broker().depth('export')).toMatchObject({ messages: 0 })
  expect(
    logger.lines.filter(({ level }) => level === 'error').map(({ fields }) => fields.taskId),
  ).toContain('refused')
  expect(runs).toBe(1)
})
