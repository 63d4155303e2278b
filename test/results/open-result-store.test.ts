import { expect, test } from 'vitest'
import { openResultStore } from '../../src/results/open-result-store.ts'
import { success } from '../contracts/result-store-contract.ts'

test.each([
  ['memory://', 'memory'],
  ['memory', 'memory'],
  ['cache+memory://', 'memory'],
  ['redis://localhost/1', 'redis'],
  ['rediss://localhost/1?ssl_cert_reqs=CERT_NONE', 'redis'],
  ['disabled://', 'disabled'],
  ['', 'disabled'],
  [null, 'disabled'],
])('result_backend %j opens the %s store', async (result_backend, kind) => {
  await using store = await openResultStore({ result_backend, result_expires: 86_400 })
  expect(store.kind).toBe(kind)
})

test('"memory://" and "cache+memory://" are the same memory', async () => {
  await using one = await openResultStore({ result_backend: 'memory://', result_expires: null })
  await using two = await openResultStore({
    result_backend: 'cache+memory://',
    result_expires: null,
  })
  const saved = success('here')
  await one.save(saved)
  expect((await two.get(saved.taskId)).result).toBe('here')
})

test('an unknown backend is refused: named, without its password, beside those that are known', async () => {
  const opening = openResultStore({
    result_backend: 'mongodb://user:hunter2@host/0',
    result_expires: null,
  })
  await expect(opening).rejects.toMatchObject({
    code: 'RESULT_BACKEND_UNKNOWN',
    message: expect.stringMatching(/mongodb:\/\/user:\*\*\*@host.*db\+postgresql/),
  })
  await expect(opening).rejects.not.toThrow('hunter2')
})

test('a disabled store takes results and keeps none', async () => {
  await using store = await openResultStore({ result_backend: null, result_expires: null })
  const saved = success(1)
  await store.save(saved)
  const asking = [store.get(saved.taskId), store.waitFor(saved.taskId)]
  for (const answer of asking) {
    await expect(answer).rejects.toMatchObject({
      code: 'RESULT_DISABLED',
      message: expect.stringContaining('Set result_backend'),
    })
  }
})
