import { expect, test } from 'vitest'
import { chord } from '../../src/index.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'

/** No broker takes a message with such a header: AMQP's names have 255 bytes. */
const UNWRITABLE = { headers: { ['k'.repeat(300)]: 1 } }
const PATIENCE = { timeoutMs: 5_000 }

test('a late-acknowledged task whose callback no broker takes fails, and runs once', async () => {
  const app = embeddedApp({ task_acks_late: true })
  let runs = 0
  const first = app.task('export.first', () => (runs += 1))
  const after = app.task('export.after', () => undefined)
  await startWorker(app)
  const called = await first.applyAsync([], { link: after.si().set(UNWRITABLE) })
  await expect(called.get(PATIENCE)).rejects.toThrow(/was refused/)
  expect(await app.broker().depth('export')).toMatchObject({ messages: 0 })
  expect(runs).toBe(1)
})

test('a chord whose body no broker takes fails its body, and is not released again', async () => {
  const app = embeddedApp({ task_acks_late: true })
  const member = app.task('export.member', (n: number) => n)
  const body = app.task('export.body', (sum: readonly number[]) => sum)
  await startWorker(app)
  const called = await chord([member.s(1), member.s(2)], body.s().set(UNWRITABLE)).delay()
  await expect(called.get(PATIENCE)).rejects.toThrow(/Callback error: .*was refused/)
})
