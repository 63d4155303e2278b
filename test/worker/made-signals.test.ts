import { expect, test } from 'vitest'
import { chain } from '../../src/tasks/canvas/canvas.ts'
import { Ignore, Replace, Retry } from '../../src/tasks/signals.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'

const WAIT = { timeoutMs: 5_000 }

test('self.retry() without throw ends the run there, as in Python, and the task runs again', async () => {
  const app = embeddedApp()
  const ran: string[] = []
  app.task('export.retries', { bind: true }, (self) => {
    ran.push(`attempt ${self.request.retries}`)
    if (self.request.retries === 0) self.retry({ countdown: 0 })
    ran.push('the end')
    return 'done'
  })
  await startWorker(app)
  expect(await (await app.sendTask('export.retries')).get(WAIT)).toBe('done')
  expect(ran).toEqual(['attempt 0', 'attempt 1', 'the end'])
})

test('self.retry() without throw that is one too many fails with what made it necessary', async () => {
  const app = embeddedApp()
  app.task('export.retries', { bind: true, maxRetries: 0 }, async (self) => {
    await Promise.resolve()
    self.retry({ cause: new RangeError('out of range') })
    return 'done'
  })
  await startWorker(app)
  const result = await app.sendTask('export.retries')
  await expect(result.get(WAIT)).rejects.toThrow('out of range')
})

test('self.replace() without throw puts the signature in the place of the task', async () => {
  const app = embeddedApp()
  app.task('export.adds', (a: number, b: number) => a + b)
  app.task('export.replaces', { bind: true }, (self) => {
    self.replace(app.signature('export.adds', [1, 2]))
    return 'done'
  })
  await startWorker(app)
  const whole = chain(app.signature('export.replaces'), app.signature('export.adds', [10]))
  expect(await (await whole.applyAsync()).get(WAIT)).toBe(13)
})

test.each([
  [
    'made by self',
    (self: { retry(options: { countdown: number }): Retry }) => self.retry({ countdown: 0 }),
  ],
  ['made by hand', () => new Retry({ countdown: 0 })],
])('a retry %s that is returned counts as thrown', async (_how, retry) => {
  const app = embeddedApp()
  app.task('export.returns', { bind: true }, (self) =>
    self.request.retries === 0 ? retry(self) : 'second try',
  )
  await startWorker(app)
  expect(await (await app.sendTask('export.returns')).get(WAIT)).toBe('second try')
})

test('a replacement and an Ignore that are returned count as thrown, from asynchronous tasks too', async () => {
  const app = embeddedApp()
  app.task('export.adds', (a: number, b: number) => a + b)
  app.task(
    'export.replaces',
    async () => new Replace(app.signature('export.adds', [1, 2]).toDict()),
  )
  app.task('export.ignores', async () => new Ignore())
  await startWorker(app)
  const ignored = await app.sendTask('export.ignores')
  expect(await (await app.sendTask('export.replaces')).get(WAIT)).toBe(3)
  expect(await ignored.status()).not.toBe('SUCCESS')
})
