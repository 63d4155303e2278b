import { expect, test } from 'vitest'
import { eagerApp, fakeSelf, memoryApp, startTestApp } from '../../src/testing/index.ts'

test('arguments and results pass through real messages', async () => {
  await using test = await startTestApp(memoryApp())
  const echo = test.app.task('shop.echo', (value: unknown) => value)
  class Point {
    x = 1
    readonly gone = undefined
  }
  const result = await echo.delay({ point: new Point() })
  const value = await result.get({ timeoutMs: 2_000 })
  expect(value).toStrictEqual({ point: { x: 1 } })
})

test('the clock delivers what is due, in its order, and what follows from it', async () => {
  await using test = await startTestApp(memoryApp())
  const ran: string[] = []
  const note = test.app.task('shop.note', (name: string) => ran.push(name))
  const again = test.app.task('shop.again', async () => {
    ran.push('again')
    await note.applyAsync(['after'], { countdown: 30 })
  })
  await note.applyAsync(['later'], { countdown: 120 })
  await again.applyAsync([], { countdown: 60 })
  await test.idle()
  expect(ran).toEqual([])
  await test.clock.advance({ minutes: 1 })
  expect(ran).toEqual(['again'])
  await test.clock.advance({ hours: 1 })
  expect(ran).toEqual(['again', 'after', 'later'])
})

test('a countdown within what the clock passes counts from the moment of the call', async () => {
  await using test = await startTestApp(memoryApp())
  const ran: string[] = []
  const note = test.app.task('shop.note', (name: string) => ran.push(name))
  const steps = test.app.task('shop.steps', async (left: number) => {
    ran.push(`step ${left}`)
    if (left > 0) await steps.applyAsync([left - 1], { countdown: 600 })
  })
  await steps.applyAsync([2], { countdown: 600 })
  await note.applyAsync(['between'], { countdown: 900 })
  await test.clock.advance({ minutes: 31 })
  expect(ran).toEqual(['step 2', 'between', 'step 1', 'step 0'])
})

test('a call that was not made as expected is refused with those that were', async () => {
  await using test = await startTestApp(memoryApp(), { worker: false })
  await test.app.sendTask('shop.pay', [1], { currency: 'EUR' }, { priority: 3 })
  expect(test.expectPublished('shop.pay', { priority: 3 })).toHaveLength(1)
  expect(() => test.expectPublished('shop.pay', { args: [2] })).toThrow(
    'expected a call of shop.pay with {"args":[2]}; published were:\n  shop.pay [1] {"currency":"EUR"} to celery',
  )
  expect(() => test.expectPublished('shop.refund')).toThrow(/expected a call of shop.refund/)
})

test('an app can be started for one test after the other, each with nothing left of the last', async () => {
  const app = memoryApp()
  const one = app.task('shop.one', () => 1)
  for (let times = 0; times < 3; times += 1) {
    await using test = await startTestApp(app)
    expect(await (await one.delay()).get({ timeoutMs: 2_000 })).toBe(1)
    expect(test.published).toHaveLength(1)
  }
})

test('a fake self remembers what the task did with it', async () => {
  const self = fakeSelf({ request: { retries: 2 } })
  const app = memoryApp()
  const task = app.task('shop.bound', { bind: true }, async (context) => {
    await context.updateState('HALF', 50)
    await context.sendEvent('shop-open', { door: 1 })
    throw context.retry({ countdown: context.request.retries })
  })
  await expect(task.run(self)).rejects.toMatchObject({ options: { countdown: 2 } })
  expect(self.states).toEqual([{ state: 'HALF', meta: 50 }])
  expect(self.events).toEqual([{ type: 'shop-open', fields: { door: 1 } }])
  expect(self.retries).toEqual([{ countdown: 2 }])
})

test('an eager app throws what its task throws', async () => {
  const app = eagerApp()
  const fails = app.task('shop.fails', () => {
    throw new RangeError('no')
  })
  await expect(fails.delay()).rejects.toThrow('no')
  await app.close()
})
