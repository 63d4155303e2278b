import { expect, test } from 'vitest'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'

test('celery.backend_cleanup stores that it ran, as in Python, where the call leaves that to the worker', async () => {
  const app = embeddedApp()
  await startWorker(app, { queues: ['export', 'celery'] })
  const taskId = await app.publish({
    task: 'celery.backend_cleanup',
    args: [],
    kwargs: {},
    // As producers before Celery 5.1 leave it.
    options: { headers: { ignore_result: null } },
  })
  const results = await app.results()
  const stored = await results.waitFor(taskId, { timeoutMs: 8_000 })
  expect(stored).toMatchObject({ status: 'SUCCESS', result: null })
})
