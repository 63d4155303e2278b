import { expect, test } from 'vitest'
import { chord } from '../../src/index.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp } from '../support/live-app.ts'

const SIZE = 10_000

test('a chord of 10,000 members, counted in PostgreSQL, gives its body all their results in order', async () => {
  const app = liveApp(await freshServers(['export']))
  const same = app.task('export.same', (n: number) => n)
  const check = app.task('export.check', (values: readonly number[]) => [
    values.length,
    values.every((value, at) => value === at),
  ])
  await startWorker(app)
  const startedAt = Date.now()
  const header = Array.from({ length: SIZE }, (_, n) => same.s(n))
  const result = await chord(header, check.s()).applyAsync()
  expect(await result.get({ timeoutMs: 50_000 })).toEqual([SIZE, true])
  console.log(`a chord of ${SIZE}: ${Date.now() - startedAt} ms`)
})
