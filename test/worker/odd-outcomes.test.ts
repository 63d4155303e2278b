import { expect, test } from 'vitest'
import type { TaskFailedError } from '../../src/errors.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { ODD_ERRORS, ODD_VALUES } from '../support/odd-values.ts'

test.each(Object.entries(ODD_VALUES))(
  'a task that returns %s fails with an EncodeError that says why',
  async (_, make) => {
    const app = embeddedApp()
    const task = app.task('export.odd', () => make())
    await startWorker(app)
    const error = await failureOf(await task.delay())
    expect(error).toMatchObject({ excType: 'EncodeError', excModule: 'kombu.exceptions' })
    expect(error.message.length).toBeGreaterThan(20)
  },
)

test.each(Object.entries(ODD_ERRORS))(
  'a task that throws %s fails with something that can be stored',
  async (_, make) => {
    const app = embeddedApp()
    const task = app.task('export.odd', () => {
      throw make()
    })
    await startWorker(app)
    const error = await failureOf(await task.delay())
    expect(typeof error.excType).toBe('string')
    expect(error.excArgs).toHaveLength(1)
    expect(typeof error.traceback).toBe('string')
  },
)

test.each(Object.entries(ODD_ERRORS))(
  'a task that retries because of %s is retried, and its last error is kept',
  async (_, make) => {
    const app = embeddedApp()
    const task = app.task('export.odd', { bind: true, maxRetries: 1 }, (self) => {
      throw self.retry({ cause: make(), countdown: 0 })
    })
    await startWorker(app)
    const error = await failureOf(await task.delay())
    expect(typeof error.excType).toBe('string')
  },
)

test('a state whose meta has no form is refused to the task that sets it, which can go on', async () => {
  const app = embeddedApp()
  const task = app.task('export.odd', { bind: true }, async (self) => {
    const refused = await self.updateState('PROGRESS', Symbol('odd')).catch((error) => error)
    return refused.code
  })
  await startWorker(app)
  const result = await task.delay()
  await expect(result.get({ timeoutMs: 5_000 })).resolves.toBe('VALUE_UNENCODABLE')
})

async function failureOf(result: {
  get(options: object): Promise<unknown>
}): Promise<TaskFailedError> {
  const failure = await result.get({ timeoutMs: 5_000 }).then(
    (value) => {
      throw new Error(`it succeeded: ${String(value)}`)
    },
    (error: unknown) => error,
  )
  expect(failure).toMatchObject({ name: 'TaskFailedError' })
  return failure as TaskFailedError
}
