import { expect, test, vi } from 'vitest'
import { RevokedTasks } from '../../../src/control/revoked-tasks.ts'
import { ResultError } from '../../../src/errors.ts'
import { embeddedApp, startWorker } from '../../support/embedded-app.ts'

const NAME = 'w1@test'
const ASKED = { destination: [NAME], reply: true, timeoutMs: 5_000 }

test('of more ids than a worker remembers only those it remembers are marked as revoked', async () => {
  const app = await controlled({ WORKER_REVOKES_MAX: 2 })
  await app.control.revoke(['first', 'second', 'third'], ASKED)
  const states = ['first', 'second', 'third'].map((id) => app.asyncResult(id).status())
  expect(await Promise.all(states)).toEqual(['PENDING', 'REVOKED', 'REVOKED'])
})

test('a result backend that is away is not asked for each of many ids', async () => {
  const app = await controlled()
  const get = vi
    .spyOn(await app.results(), 'get')
    .mockRejectedValue(new ResultError('RESULT_UNREACHABLE', 'away'))
  const ids = Array.from({ length: 200 }, (_, at) => `id-${at}`)
  expect(await app.control.revoke(ids, ASKED)).toHaveLength(1)
  expect(get.mock.calls.length).toBeLessThanOrEqual(16)
})

test('one id that cannot be asked for leaves those behind it no less revoked', async () => {
  const app = await controlled()
  const results = await app.results()
  const { get } = results
  vi.spyOn(results, 'get').mockImplementation(async (id) => {
    if (id === 'spoiled') throw new ResultError('RESULT_UNREADABLE', 'spoiled')
    return await get.call(results, id)
  })
  await app.control.revoke(['spoiled', 'good'], ASKED)
  expect(await app.asyncResult('good').status()).toBe('REVOKED')
})

test('an answer to a revoke of many says how many, not which', async () => {
  const app = await controlled()
  const ids = Array.from({ length: 2_000 }, (_, at) => `id-${at}`)
  expect(await app.control.revoke(ids, ASKED)).toEqual([
    { [NAME]: { ok: 'tasks (2000 of them) flagged as revoked' } },
  ])
  expect(await app.control.revokeByStampedHeaders({ tenant: ids }, ASKED)).toEqual([
    { [NAME]: { ok: 'headers of 1 stamps flagged as revoked, but not terminated' } },
  ])
})

test('no more values of stamps are remembered than ids; the oldest go first', () => {
  const revoked = new RevokedTasks({ most: 3, expiresMs: 1_000 })
  revoked.addStamps('a', ['a1'])
  revoked.addStamps('b', ['b1', 'b2'])
  revoked.addStamps('c', ['c1', 'c2'])
  expect(revoked.record().stamps).toEqual({ b: ['b2'], c: ['c1', 'c2'] })
})

async function controlled(options: Parameters<typeof embeddedApp>[0] = {}) {
  const app = embeddedApp(options)
  await startWorker(app, { name: NAME })
  return app
}
