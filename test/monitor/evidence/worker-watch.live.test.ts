import { expect, onTestFinished, test } from 'vitest'
import type { TakeCensus } from '../../../src/monitor/evidence/census.ts'
import { WorkerWatch } from '../../../src/monitor/evidence/worker-watch.ts'
import { waitFor } from '../../support/wait-for.ts'
import { apiLook, process, reconcilerOf } from '../states/fleet.ts'
import { migrated } from '../states/recorded.ts'

test('a worker that comes online is asked, and its connection known, long before the next look at all tasks', async () => {
  const database = await migrated()
  const reconciler = reconcilerOf(database, {
    everyMs: 60_000,
    takeCensus,
    lookAtApi: async () => apiLook({ connectionOf: () => 'c' }),
  })
  onTestFinished(() => reconciler.stop())
  await reconciler.start()
  await waitFor('the first looks', async () => (await reconciler.pass()) !== undefined)
  const cameAt = Date.now()
  await process(database, 'new@host', { online: 'now()', queues: 'NULL' })
  await waitFor('it to be known', async () => {
    const known = await database.query(
      'select from monitor.worker_process where queues is not null and connection is not null',
    )
    return known.length === 1
  })
  expect(Date.now() - cameAt).toBeLessThan(4_000)
})

test('the management API is asked no more often for workers that are known', async () => {
  const database = await migrated()
  const asked: string[] = []
  const watch = new WorkerWatch(database, {
    missedHeartbeats: 15,
    takeCensus: async (asking) => {
      asked.push('workers')
      return await takeCensus(asking)
    },
    lookAtApi: async () => {
      asked.push('API')
      return apiLook({})
    },
  })
  await watch.look()
  await watch.lookAtNew()
  expect(asked).toEqual(['API'])
  await process(database, 'new@host', { online: 'now()', queues: 'NULL' })
  await watch.lookAtNew()
  await watch.lookAtNew()
  expect(asked).toEqual(['API', 'workers', 'API'])
})

const takeCensus: TakeCensus = async ({ workers }) =>
  workers.map((hostname) => ({ hostname, queues: ['export'], pool: 'prefork', acknowledges: {} }))
