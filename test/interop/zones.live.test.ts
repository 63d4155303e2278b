import { expect, test } from 'vitest'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { startPythonWorker } from '../support/python-celery.ts'

const WAIT = { timeoutMs: 20_000 }

test.each(['new', 'old'] as const)(
  'with enable_utc off, times mean the same in both languages (%s Celery)',
  async (python) => {
    const servers = await freshServers()
    await startPythonWorker({ app: 'zoned_app', env: servers.env, queues: ['python'], python })
    const app = liveApp(servers, { enable_utc: false, timezone: 'America/New_York' })
    app.task('export.now', () => Date.now() / 1_000)
    await startWorker(app, { queues: ['export'] })
    const sentAt = Date.now() / 1_000

    const options = { countdown: 0.6, expires: 30 }
    const inPython = await app.sendTask<number>('python.now', [], {}, options)
    const expired = await app.sendTask('python.now', [], {}, { countdown: 0.6, expires: 0.3 })
    const args = ['export.now', 0.6, 30]
    const ids = await (await app.sendTask<string[]>('python.call_later', args)).get(WAIT)
    const [tooLate = ''] = await (
      await app.sendTask<string[]>('python.call_later', ['export.now', 0.6, 0.3])
    ).get(WAIT)

    const results = [inPython, ...ids.map((id) => app.asyncResult<number>(id))]
    const ranAt = await Promise.all(results.map(async (result) => result.get(WAIT)))
    for (const at of ranAt) {
      expect(at - sentAt).toBeGreaterThanOrEqual(0.6)
      expect(at - sentAt).toBeLessThan(10)
    }
    const ends = [expired, app.asyncResult(tooLate)]
    for (const end of ends) {
      await expect(end.get(WAIT)).rejects.toMatchObject({ excType: 'TaskRevokedError' })
    }
  },
)
