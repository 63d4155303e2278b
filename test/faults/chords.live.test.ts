import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { chord } from '../../src/index.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { startCli } from '../support/processes.ts'
import { service } from '../support/services.ts'

const SIZE = 20

test.each([
  { backend: 'PostgreSQL', acks: 'early' },
  { backend: 'PostgreSQL', acks: 'late' },
  { backend: 'Redis', acks: 'early' },
] as const)(
  'a worker killed between the last result of a chord and its body, with $acks acknowledgement and results in $backend: another starts the body, once',
  async ({ backend, acks }) => {
    const servers = await freshServers(['fault'])
    const isLate = acks === 'late'
    const prefix = `test-${randomUUID()}:`
    const settings = {
      ...(backend === 'Redis' && { result_backend: service('REDIS_URL') }),
      result_backend_transport_options: { global_keyprefix: prefix },
      task_acks_late: isLate,
    }
    const app = liveApp(servers, settings)
    const bodies: unknown[] = []
    const member = app.task('fault.member', (n: number) => n)
    const body = app.task('fault.body', (values: readonly unknown[]) => {
      bodies.push(values)
      return values.length
    })
    const header = Array.from({ length: SIZE }, (_, n) => member.s(n))
    const result = await chord(header, body.s()).applyAsync()

    const doomed = startCli(
      ['worker', '-A', join(import.meta.dirname, 'chord-app.ts'), '-Q', 'fault'],
      {
        env: {
          ...servers.env,
          ...(settings.result_backend && { CELERY_RESULT_BACKEND: settings.result_backend }),
          CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS: `{"global_keyprefix": "${prefix}"}`,
          CELERY_TASK_ACKS_LATE: isLate ? 'True' : 'False',
        },
      },
    )
    expect(await doomed.exited).toEqual({ code: null, signal: 'SIGKILL' })
    expect(await result.status()).toBe('PENDING')
    if (backend === 'Redis') await endClaims(prefix)

    await startWorker(app)
    expect(await result.get({ timeoutMs: 20_000 })).toBe(SIZE)
    await (await member.delay(1)).get({ timeoutMs: 5_000 })
    expect(bodies).toEqual([Array.from({ length: SIZE }, (_, n) => n)])
  },
)

/** As if the seconds had passed that a claim outlives its process. */
async function endClaims(prefix: string): Promise<void> {
  const redis = new Redis(service('REDIS_URL'))
  onTestFinished(() => redis.disconnect())
  const claimed = await redis.keys(`${prefix}*.c`)
  expect(claimed).toHaveLength(1)
  for (const key of claimed) await redis.pexpire(key, 1)
}
