import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp } from '../support/live-app.ts'
import { service } from '../support/services.ts'
import { askPython } from './ask-python.ts'

export const BACKENDS = ['PostgreSQL', 'Redis'] as const

interface LargeChord {
  readonly backend: (typeof BACKENDS)[number]
  readonly size: number
  readonly timeoutMs: number
}

/**
 * Python publishes the chord while our worker runs its members; the body says how many results it got, and whether they are
 * in order. With PostgreSQL one message names all members, for `celery.chord_unlock` to look at.
 */
export async function expectLargeChordEnds({
  backend,
  size,
  timeoutMs,
}: LargeChord): Promise<void> {
  const servers = await freshServers(['export'])
  const prefix = `test-${randomUUID()}:`
  const isRedis = backend === 'Redis'
  const app = liveApp(
    servers,
    isRedis
      ? {
          result_backend: service('REDIS_URL'),
          result_backend_transport_options: { global_keyprefix: prefix },
          result_expires: 600,
        }
      : {},
  )
  app.task('export.same', (n: number) => n)
  app.task('export.check', (values: readonly number[]) => [
    values.length,
    values.every((value, at) => value === at),
  ])
  await startWorker(app)
  const redis = isRedis ? { RESULT_BACKEND: service('REDIS_URL') } : {}
  const id = await askPython<string>(
    'new',
    { ...servers.env, ...redis },
    {
      code: `
app.conf.result_backend_transport_options = {'global_keyprefix': '${isRedis ? prefix : ''}'}
body = signature('export.check', queue='export')
result = chord([signature('export.same', (n,)) for n in range(${size})], body)()`,
      answer: 'result.id',
    },
  )
  expect(await app.asyncResult(id).get({ timeoutMs })).toEqual([size, true])
}
