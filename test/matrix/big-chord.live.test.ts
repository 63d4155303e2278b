import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { type CeleryApp, chord } from '../../src/index.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { service } from '../support/services.ts'

/** `npm run test:scale` has 10,000. */
const SIZE = Number(process.env.BIG_CHORD ?? 2_000)
/** Of this process, which publishes, runs and waits: other than the clock's, its time is the same on a busy machine. */
const MOST_CPU_MS = 20_000

const APPS: Readonly<Record<string, () => Promise<CeleryApp>>> = {
  PostgreSQL: async () => liveApp(await freshServers(['export'])),
  Redis: async () =>
    liveApp(await freshServers(['export']), {
      result_backend: service('REDIS_URL'),
      result_backend_transport_options: { global_keyprefix: `test-${randomUUID()}:` },
      result_expires: 600,
    }),
  memory: async () => embeddedApp(),
}

test.each(Object.entries(APPS))(
  'a chord of thousands of members, counted in %s, gives its body all their results in order, in seconds',
  async (backend, open) => {
    const app = await open()
    const same = app.task('export.same', (n: number) => n)
    const check = app.task('export.check', (values: readonly number[]) => [
      values.length,
      values.every((value, at) => value === at),
    ])
    await startWorker(app)
    const [startedAt, cpu] = [Date.now(), process.cpuUsage()]
    const header = Array.from({ length: SIZE }, (_, n) => same.s(n))
    const result = await chord(header, check.s()).applyAsync()
    expect(await result.get({ timeoutMs: 50_000 })).toEqual([SIZE, true])
    const { user, system } = process.cpuUsage(cpu)
    const cpuMs = (user + system) / 1_000
    console.log(
      `a chord of ${SIZE} in ${backend}: ${Date.now() - startedAt} ms, ${cpuMs} ms of CPU`,
    )
    expect(cpuMs).toBeLessThan(MOST_CPU_MS)
  },
)
