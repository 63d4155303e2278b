import { expect, test } from 'vitest'
import { Thread } from '../../src/async/thread.ts'

const HELD = 128 * 1024 * 1024

test('a thread that was given up has given its memory back once the error is there', async () => {
  const thread = new Thread({
    module: () => new URL('./endless-thread.ts', import.meta.url),
    jobMs: 2_000,
  })
  const job = thread.run(() => ({ job: HELD }))
  const before = process.memoryUsage.rss()
  await expect(job).rejects.toMatchObject({
    reason: 'time',
    message: 'it took more than 2 seconds',
  })
  expect(process.memoryUsage.rss() - before).toBeLessThan(HELD / 2)
})
