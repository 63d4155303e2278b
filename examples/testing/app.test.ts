import { fakeSelf, startTestApp } from 'celery-toolbox/testing'
import { expect, test } from 'vitest'
import { app, charge } from './app.ts'

test('a charge returns its amount', async () => {
  await using shop = await startTestApp(app)
  const result = await charge.delay(995)
  expect(await result.get({ timeoutMs: 1000 })).toBe(995)
  shop.expectPublished('shop.charge', { args: [995], routingKey: 'shop' })
})

test('the receipt goes out an hour later', async () => {
  await using shop = await startTestApp(app)
  await charge.delay(995)
  await shop.idle()
  const [receipt] = shop.expectPublished('shop.receipt', { args: [995] })
  await shop.clock.advance({ minutes: 59 })
  expect(await app.asyncResult(receipt?.id ?? '').status()).toBe('PENDING')
  await shop.clock.advance({ minutes: 2 })
  expect(await app.asyncResult(receipt?.id ?? '').get()).toBe('Thank you for 995 cents')
})

test('a charge is retried a minute after the bank was down', async () => {
  await using shop = await startTestApp(app)
  const result = await charge.delay(995, true)
  await shop.idle()
  expect(await result.status()).toBe('RETRY')
  await shop.clock.advance(60)
  expect(await result.get({ timeoutMs: 1000 })).toBe(995)
  shop.expectPublished('shop.charge', { retries: 1 })
})

test('the function alone, without an app that runs', async () => {
  await using shop = await startTestApp(app, { worker: false })
  const self = fakeSelf()
  expect(await charge.run(self, 995)).toBe(995)
  expect(self.states).toEqual([{ state: 'CHARGED', meta: { cents: 995 } }])
  shop.expectPublished('shop.receipt', { args: [995] })
  await expect(async () => charge.run(fakeSelf(), 995, true)).rejects.toThrow('retried')
})
