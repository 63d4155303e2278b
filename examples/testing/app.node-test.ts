import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eagerApp, startTestApp } from 'celery-toolbox/testing'
import { app, charge } from './app.ts'

test('a charge returns its amount', async () => {
  const shop = await startTestApp(app)
  const result = await charge.delay(995)
  assert.equal(await result.get({ timeoutMs: 1000 }), 995)
  shop.expectPublished('shop.charge', { args: [995] })
  await shop.close()
})

test('an eager app runs a call before it returns, and throws what its task throws', async () => {
  const eager = eagerApp()
  const half = eager.task('shop.half', (cents: number) => {
    if (cents % 2 === 1) throw new RangeError('half a cent')
    return cents / 2
  })
  assert.equal(await (await half.delay(4)).get(), 2)
  await assert.rejects(async () => half.delay(3), /half a cent/)
  await eager.close()
})
