import { expect, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import { TaskFailedError } from '../../src/errors.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { Ignore, Reject } from '../../src/tasks/signals.ts'
import { embeddedApp, recordingLogger, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

const WAIT = { timeoutMs: 5_000 }

test('a task runs and its caller gets the result', async () => {
  const app = embeddedApp()
  const add = app.task('export.add', async (x: number, y: number) => x + y)
  await startWorker(app)
  const result = await add.delay(2, 3)
  expect(await result.get(WAIT)).toBe(5)
  expect(await result.status()).toBe('SUCCESS')
})

test('an error comes across with its type, message and traceback', async () => {
  const app = embeddedApp()
  class ExportError extends Error {
    override name = 'ExportError'
  }
  const fail = app.task('export.fail', () => {
    throw new ExportError('no such project')
  })
  await startWorker(app)
  const failed = await (await fail.delay()).get(WAIT).catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(TaskFailedError)
  expect(failed).toMatchObject({
    excType: 'ExportError',
    excArgs: ['no such project'],
    state: 'FAILURE',
  })
  expect((failed as TaskFailedError).traceback).toContain('ExportError: no such project')
})

test('a bound task sees its request, and what it calls knows its parent and root', async () => {
  const app = embeddedApp()
  const inner = app.task('export.inner', { bind: true }, (self) => ({
    parent: self.request.parentId,
    root: self.request.rootId,
  }))
  const outer = app.task('export.outer', async () => (await inner.delay()).id)
  await startWorker(app)
  const called = await outer.delay()
  const innerId = await called.get(WAIT)
  expect(await app.asyncResult(innerId).get(WAIT)).toEqual({ parent: called.id, root: called.id })
})

test('a state of the task is seen while it runs', async () => {
  const app = embeddedApp()
  const gate = deferred()
  const slow = app.task('export.slow', { bind: true }, async (self) => {
    await self.updateState('PROGRESS', { done: 3 })
    await gate.promise
  })
  await startWorker(app)
  const result = await slow.delay()
  await waitFor('the state PROGRESS', async () => (await result.status()) === 'PROGRESS')
  expect(await result.result()).toEqual({ done: 3 })
  gate.resolve()
  await result.get(WAIT)
})

test('no more tasks run at a time than the concurrency allows', async () => {
  const app = embeddedApp()
  let running = 0
  let most = 0
  const gates: (() => void)[] = []
  const work = app.task('export.work', async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise<void>((resolve) => gates.push(resolve))
    running -= 1
  })
  await startWorker(app, { concurrency: 3 })
  const results = await Promise.all(Array.from({ length: 9 }, async () => work.delay()))
  for (let opened = 0; opened < 9; opened += 1) {
    await waitFor('a gate', () => gates.length > 0)
    gates.shift()?.()
  }
  await Promise.all(results.map(async (result) => result.get(WAIT)))
  expect(most).toBe(3)
})

test('an early-acknowledged message has left its queue while the task runs', async () => {
  const app = embeddedApp()
  const started = deferred()
  const never = app.task('export.never', async () => {
    started.resolve()
    await new Promise(() => undefined)
  })
  const worker = await startWorker(app)
  await never.delay()
  await started.promise
  await worker.stop({ graceMs: 0 })
  expect((await app.broker().depth('export')).messages).toBe(0)
})

test.each([
  { acksLate: false, status: 'RETRY' },
  // Its message comes again.
  { acksLate: true, status: 'STARTED' },
])(
  'a task cut short by shutdown is in $status (acksLate: $acksLate)',
  async ({ acksLate, status }) => {
    const app = embeddedApp()
    const started = deferred()
    const never = app.task('export.never', { acksLate }, async () => {
      started.resolve()
      await new Promise(() => undefined)
    })
    const worker = await startWorker(app)
    const called = await never.delay()
    await started.promise
    await worker.stop({ graceMs: 0 })
    expect(await called.status()).toBe(status)
  },
)

test('a late-acked task cut short by shutdown goes back to its queue', async () => {
  const app = embeddedApp()
  const started = deferred()
  const never = app.task('export.never', { acksLate: true }, async () => {
    started.resolve()
    await new Promise(() => undefined)
  })
  const worker = await startWorker(app)
  await never.delay()
  await started.promise
  await worker.stop({ graceMs: 0 })
  expect((await app.broker().depth('export')).messages).toBe(1)
})

test('a warm stop lets running tasks end and gives back those that have not started', async () => {
  const app = embeddedApp()
  const gate = deferred()
  const started = deferred()
  const work = app.task('export.work', async () => {
    started.resolve()
    await gate.promise
    return 'done'
  })
  const worker = await startWorker(app, { concurrency: 1 })
  const first = await work.delay()
  await started.promise
  await work.delay()
  const stopped = worker.stop()
  gate.resolve()
  await stopped
  expect(await first.get(WAIT)).toBe('done')
  expect((await app.broker().depth('export')).messages).toBe(1)
})

test('an unknown task fails for its caller, and its message is kept with the reason', async () => {
  const app = embeddedApp()
  app.task('export.known', () => 1)
  await startWorker(app)
  const result = await app.sendTask('export.unknown', [1])
  await expect(result.get(WAIT)).rejects.toMatchObject({
    excType: 'NotRegistered',
    excArgs: ['export.unknown'],
  })
  await waitFor('the kept message', async () => (await depthOf(app, 'dlq.export')) === 1)
  const kept = await app.broker().get('dlq.export')
  expect(kept?.message.headers['x-dlq-reason']).toMatch(/"export.unknown".*export.known/)
})

test('a message that is no task is kept, byte for byte, and the worker goes on', async () => {
  const app = embeddedApp()
  const add = app.task('export.add', (x: number, y: number) => x + y)
  await startWorker(app)
  const body = Buffer.from('this is not JSON')
  await app.broker().publish(
    {
      body,
      headers: { task: 'export.add', id: 'bad' },
      properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
    },
    { exchange: 'task_exchange', routingKey: 'export' },
  )
  await waitFor('the kept message', async () => (await depthOf(app, 'dlq.export')) === 1)
  expect((await app.broker().get('dlq.export'))?.message.body).toEqual(body)
  expect(await (await add.delay(1, 1)).get(WAIT)).toBe(2)
})

test('a task that expired is not run, and its caller learns of it', async () => {
  const app = embeddedApp()
  let runs = 0
  const late = app.task('export.late', () => {
    runs += 1
  })
  await app.setUp()
  // The header alone: with the property beside it, the broker would drop the message by itself.
  const expired = encodeTask({ id: 'expired', task: late.name, expires: '2001-01-01T00:00:00Z' })
  await app.broker().publish(expired, { exchange: 'task_exchange', routingKey: 'export' })
  const result = app.asyncResult('expired')
  await startWorker(app)
  await expect(result.get(WAIT)).rejects.toMatchObject({
    excType: 'TaskRevokedError',
    state: 'REVOKED',
  })
  expect(runs).toBe(0)
})

test('a retried task runs again under the same id until it succeeds', async () => {
  const app = embeddedApp()
  const attempts: number[] = []
  const flaky = app.task('export.flaky', { bind: true, maxRetries: 5 }, (self) => {
    attempts.push(self.request.retries)
    if (self.request.retries < 2) throw self.retry({ countdown: 0, cause: new Error('not yet') })
    return self.request.id
  })
  await startWorker(app)
  const result = await flaky.delay()
  expect(await result.get(WAIT)).toBe(result.id)
  expect(attempts).toEqual([0, 1, 2])
})

test('retries that are used up end with the error that caused them', async () => {
  const app = embeddedApp()
  const hopeless = app.task(
    'export.hopeless',
    { autoretryFor: [RangeError], maxRetries: 2, defaultRetryDelay: 0 },
    () => {
      throw new RangeError('never')
    },
  )
  await startWorker(app)
  await expect((await hopeless.delay()).get(WAIT)).rejects.toMatchObject({ excType: 'RangeError' })
})

test('a task waits for its eta without taking a slot from others', async () => {
  const app = embeddedApp()
  const order: string[] = []
  const note = app.task('export.note', (text: string) => {
    order.push(text)
  })
  await startWorker(app, { concurrency: 1 })
  const later = await note.applyAsync(['later'], { countdown: 0.3 })
  const now = await note.delay('now')
  await now.get(WAIT)
  await later.get(WAIT)
  expect(order).toEqual(['now', 'later'])
})

test('held tasks go back to their queue when the worker stops', async () => {
  const app = embeddedApp()
  const note = app.task('export.note', () => 1)
  const worker = await startWorker(app)
  await note.applyAsync([], { countdown: 3_600 })
  await waitFor('the task to be held', async () => (await depthOf(app, 'export')) === 0)
  await worker.stop()
  expect(await depthOf(app, 'export')).toBe(1)
})

test('the hard time limit ends a task as failed, the soft one signals it', async () => {
  const app = embeddedApp()
  const stuck = app.task(
    'export.stuck',
    { timeLimit: 0.05 },
    async () => new Promise(() => undefined),
  )
  const polite = app.task('export.polite', { bind: true, softTimeLimit: 0.05 }, async (self) => {
    await new Promise((_, reject) => {
      self.signal.addEventListener('abort', () => reject(self.signal.reason as Error))
    })
  })
  await startWorker(app)
  await expect((await stuck.delay()).get(WAIT)).rejects.toMatchObject({
    excType: 'TimeLimitExceeded',
    excModule: 'billiard.exceptions',
    excArgs: [0.05],
  })
  await expect((await polite.delay()).get(WAIT)).rejects.toMatchObject({
    excType: 'SoftTimeLimitExceeded',
    excModule: 'billiard.exceptions',
    excArgs: [],
  })
})

test('a rate limit lets tasks of one kind through one by one, and holds no others', async () => {
  const app = embeddedApp()
  const order: string[] = []
  const limited = app.task('export.limited', { rateLimit: '10/s' }, (at: number) => {
    order.push(`limited ${at}`)
    return performance.now()
  })
  const free = app.task('export.free', () => order.push('free'))
  await startWorker(app)
  const calls = await Promise.all([
    limited.delay(1),
    limited.delay(2),
    limited.delay(3),
    free.delay(),
  ])
  const times = await Promise.all(
    calls.slice(0, 3).map(async (call) => Number(await call.get(WAIT))),
  )
  expect(order).toEqual(['limited 1', 'free', 'limited 2', 'limited 3'])
  // Two turns of 100 ms each, less what the first was late.
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(120)
})

test('what waits for a rate limit goes back to its queue when the worker stops', async () => {
  const app = embeddedApp()
  const limited = app.task('export.limited', { rateLimit: '1/h' }, () => 1)
  const worker = await startWorker(app)
  const first = await limited.delay()
  await first.get(WAIT)
  await limited.delay()
  await waitFor('the second to be taken', async () => (await depthOf(app, 'export')) === 0)
  await worker.stop()
  expect(await depthOf(app, 'export')).toBe(1)
})

test('an error that a task expects is logged as information, and no alert is sent', async () => {
  const logger = recordingLogger()
  const app = embeddedApp({}, { logger })
  const reported: unknown[] = []
  const expected = app.task('export.expected', { throwsExpected: [RangeError] }, () => {
    throw new RangeError('as always')
  })
  await startWorker(app, { onTaskError: (error) => reported.push(error) })
  await expect((await expected.delay()).get(WAIT)).rejects.toMatchObject({ excType: 'RangeError' })
  await waitFor('the log', () =>
    logger.lines.some((line) => line.sentence === 'task failed as expected'),
  )
  expect(reported).toEqual([])
})

test('Ignore stores nothing; Reject keeps the message of a late task', async () => {
  const app = embeddedApp({ task_track_started: false })
  const ignored = app.task('export.ignored', () => {
    throw new Ignore()
  })
  const rejected = app.task('export.rejected', { acksLate: true }, () => {
    throw new Reject('not mine')
  })
  await startWorker(app)
  const first = await ignored.delay()
  const second = await rejected.delay()
  await expect(second.get(WAIT)).rejects.toMatchObject({ excType: 'Reject' })
  await waitFor('the kept message', async () => (await depthOf(app, 'dlq.export')) === 1)
  expect(await first.status()).toBe('PENDING')
})

test('a rejection that a task leaves behind does not end the worker', async () => {
  const logger = recordingLogger()
  const app = embeddedApp({}, { logger })
  const careless = app.task('export.careless', () => {
    void Promise.reject(new Error('forgotten'))
    return 'fine'
  })
  await startWorker(app)
  expect(await (await careless.delay()).get(WAIT)).toBe('fine')
  await waitFor('the log line', () =>
    logger.lines.some((line) => line.sentence.includes('rejected promise unhandled')),
  )
})

test('a value that cannot be stored fails the task instead of losing its result', async () => {
  const app = embeddedApp()
  const odd = app.task('export.odd', () => () => 1)
  await startWorker(app)
  await expect((await odd.delay()).get(WAIT)).rejects.toMatchObject({ excType: 'EncodeError' })
})

test('a worker refuses the platform queue and unknown queues', () => {
  const app = embeddedApp()
  expect(() => app.worker({ queues: ['platform.fifo'] })).toThrow(/the monitor reads it/)
  expect(() => app.worker({ queues: ['nope'] })).toThrow(/"nope".*celery, export/)
  expect(() => app.worker({ concurrency: 0 })).toThrow(/concurrency is 0/)
})

async function depthOf(app: ReturnType<typeof embeddedApp>, queue: string): Promise<number> {
  try {
    return (await app.broker().depth(queue)).messages
  } catch {
    // The queue is declared when the first message needs it.
    return 0
  }
}
