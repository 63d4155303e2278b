import { expect, test, vi } from 'vitest'
import type { ConfigOptions } from '../../src/config/config.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import { Ignore, Reject } from '../../src/index.ts'
import type { CallOptions } from '../../src/protocol/tasks/call-options.ts'
import { embeddedApp, recordingLogger, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

const KEEP = { task_store_errors_even_if_ignored: true }
const ALL = ['SUCCESS', 'FAILURE', 'RETRY']
const ERRORS = ['FAILURE', 'RETRY']

/** What is said in the config, by the task and in the call. */
interface Said {
  readonly config?: Partial<ConfigOptions>
  readonly task?: { readonly ignoreResult?: boolean; readonly storeErrorsEvenIfIgnored?: boolean }
  readonly call?: CallOptions
}

test.each<[string, Said, string[]]>([
  ['nothing said', {}, ALL],
  ['task_ignore_result', { config: { task_ignore_result: true } }, []],
  ['ignoreResult in the task', { task: { ignoreResult: true } }, []],
  ['ignoreResult in the call', { call: { ignoreResult: true } }, []],
  [
    'a call that wants it after all',
    { task: { ignoreResult: true }, call: { ignoreResult: false } },
    ALL,
  ],
  ['errors kept by the config', { config: { task_ignore_result: true, ...KEEP } }, ERRORS],
  [
    'errors kept by the task',
    { task: { ignoreResult: true, storeErrorsEvenIfIgnored: true } },
    ERRORS,
  ],
  [
    'errors not kept by the task',
    { config: KEEP, task: { ignoreResult: true, storeErrorsEvenIfIgnored: false } },
    [],
  ],
])('what is stored with %s', async (_, { config, task = {}, call = {} }, expected) => {
  const app = embeddedApp({ task_track_started: false, ...config })
  app.task('export.succeed', task, () => 1)
  app.task('export.fail', task, fail)
  app.task('export.retry', { ...task, autoretryFor: [Error], defaultRetryDelay: 1_000 }, fail)
  const stored = await storedBy(app, ['succeed', 'fail', 'retry'], call)
  expect(new Set(stored)).toEqual(new Set(expected))
})

test('that a task has started is not stored where its result is not', async () => {
  const app = embeddedApp({ task_track_started: true, task_ignore_result: true })
  app.task('export.succeed', () => 1)
  expect(await storedBy(app, ['succeed'], {})).toEqual([])
})

test('Ignore stores nothing, and the message is gone', async () => {
  const app = embeddedApp({ task_track_started: false })
  app.task('export.ignore', { acksLate: true }, () => {
    throw new Ignore('not today')
  })
  expect(await storedBy(app, ['ignore'], {})).toEqual([])
  expect((await app.broker().depth('export')).messages).toBe(0)
})

test.each([
  ['options alone', () => new Reject({ requeue: true })],
  ['a reason and options', () => new Reject('not yet', { requeue: true })],
])('Reject with %s gives the message of a late task back to its queue', async (_, make) => {
  const app = embeddedApp()
  let runs = 0
  const task = app.task('export.twice', { acksLate: true }, () => {
    runs += 1
    if (runs === 1) throw make()
    return runs
  })
  await startWorker(app)
  expect(await (await task.delay()).get({ timeoutMs: 5_000 })).toBe(2)
})

test.each([
  ['nothing', () => new Reject()],
  ['a reason', () => new Reject('never')],
  ['requeue off', () => new Reject({ requeue: false })],
])(
  'Reject with %s keeps the message of a late task apart, and the task has failed',
  async (_, make) => {
    const app = embeddedApp()
    const task = app.task('export.never', { acksLate: true }, () => {
      throw make()
    })
    await startWorker(app)
    await expect((await task.delay()).get({ timeoutMs: 5_000 })).rejects.toMatchObject({
      excType: 'Reject',
      excArgs: [make().message, false],
    })
    await waitFor('the kept message', async () => (await depthOf(app, 'dlq.export')) === 1)
  },
)

test('an error that a task says it expects is logged in a line, without where it came from', async () => {
  const logger = recordingLogger()
  const onTaskError = vi.fn()
  const app = embeddedApp({}, { logger })
  const task = app.task('export.expected', { throwsExpected: [RangeError] }, () => {
    throw new RangeError('out of range')
  })
  await startWorker(app, { onTaskError })
  await expect((await task.delay()).get({ timeoutMs: 5_000 })).rejects.toThrow('out of range')
  const line = await waitFor('the line', () =>
    logger.lines.find(({ sentence }) => sentence === 'task failed as expected'),
  )
  expect(line).toMatchObject({ level: 'info', fields: { err: "RangeError('out of range')" } })
  expect(JSON.stringify(line)).not.toMatch(/\bat .*\.ts/)
  expect(onTaskError).not.toHaveBeenCalled()
})

test('tasks with an eta do not eat the prefetch of others, up to worker_eta_task_limit', async () => {
  const app = embeddedApp({ worker_eta_task_limit: 3 })
  const note = app.task('export.note', () => 'now')
  await startWorker(app, { concurrency: 1, prefetchMultiplier: 2 })
  const left = async (sent: number): Promise<number> => {
    for (let n = 0; n < sent; n += 1) await note.applyAsync([], { countdown: 3_600 })
    return await depthOf(app, 'export')
  }
  await left(3)
  await waitFor('all of them to be held', async () => (await depthOf(app, 'export')) === 0)
  // The limit is reached, and the two of the prefetch are still there for others.
  expect(await (await note.delay()).get({ timeoutMs: 5_000 })).toBe('now')
  await left(4)
  await waitFor('the prefetch to be full', async () => (await depthOf(app, 'export')) === 2)
})

/** The states that were stored of these tasks, once a worker has dealt with all of them. */
async function storedBy(
  app: CeleryApp,
  names: readonly string[],
  options: CallOptions,
): Promise<string[]> {
  const results = await app.results()
  const save = vi.spyOn(results, 'save')
  const worker = await startWorker(app)
  await Promise.all(names.map((name) => app.sendTask(`export.${name}`, [], {}, options)))
  await waitFor('the queue to be empty', async () => (await depthOf(app, 'export')) === 0)
  await worker.stop()
  return save.mock.calls.map(([{ status }]) => status)
}

async function depthOf(app: CeleryApp, queue: string): Promise<number> {
  return (await app.broker().depth(queue)).messages
}

function fail(): never {
  throw new Error('failed')
}
