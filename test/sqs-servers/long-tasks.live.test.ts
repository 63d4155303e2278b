import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startWorker } from '../support/embedded-app.ts'
import { freshSqsPlace, sqsApp } from '../support/sqs-app.ts'

test('with a visibility of 5 s, fifty tasks of 30 s at once run once each', async () => {
  const app = sqsApp(await freshSqsPlace(), {
    broker_transport_options: { wait_time_seconds: 1, visibility_timeout: 5 },
    task_acks_late: true,
  })
  const runs: number[] = []
  const long = app.task('export.long', async (n: number) => {
    runs.push(n)
    await sleep(30_000)
    return n
  })
  // A second worker takes what the first lets become visible.
  await startWorker(app, { queues: ['export'], concurrency: 50 })
  await startWorker(app, { queues: ['export'], concurrency: 50, name: 'second' })
  const results = await Promise.all(Array.from({ length: 50 }, (_, n) => long.delay(n)))
  const values = await Promise.all(results.map((result) => result.get({ timeoutMs: 90_000 })))
  expect(values).toEqual(Array.from({ length: 50 }, (_, n) => n))
  expect(runs).toHaveLength(50)
}, 120_000)
