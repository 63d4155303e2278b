import { expect, test } from 'vitest'
import { openDatabase } from '../../src/database/open-database.ts'
import { Metrics } from '../../src/telemetry/metrics/metrics.ts'
import { RecordMetrics } from '../../src/telemetry/metrics/record-metrics.ts'
import { migratedDatabase } from '../support/postgres.ts'

test('workers are heard of by the clock of the database, whatever their own clocks and rhythms say', async () => {
  await using database = await openDatabase({ url: await migratedDatabase() })
  await database.query(
    `insert into monitor.worker (hostname, updated_at, last_heartbeat_at, offline_at, heartbeat_every_s) values
       ('slow clock', now(), now() - interval '1 hour', null, 2),
       ('odd rhythm', now(), now(), null, 1e300),
       ('went', now(), now() - interval '1 second', now(), 2),
       ('silent', now() - interval '1 minute', now() + interval '1 day', null, 2)`,
  )
  const { kit } = await Metrics.open()
  await new RecordMetrics(kit, { database, queues: [] }).collect()
  expect(await kit.registry.getSingleMetricAsString('celery_toolbox_workers')).toContain(
    'celery_toolbox_workers 2',
  )
})

test('the clock of each living worker that is wrong is a metric', async () => {
  await using database = await openDatabase({ url: await migratedDatabase() })
  await database.query(
    `insert into monitor.worker (hostname, updated_at, last_heartbeat_at, drift_s) values
       ('behind', now(), now(), 3600), ('ahead', now(), now(), -90), ('right', now(), now(), null),
       ('gone', now() - interval '1 hour', now() - interval '1 hour', 60)`,
  )
  const { kit } = await Metrics.open()
  const metrics = new RecordMetrics(kit, { database, queues: [] })
  const lines = async (): Promise<string[]> => {
    await metrics.collect()
    const text = await kit.registry.getSingleMetricAsString(
      'celery_toolbox_worker_clock_drift_seconds',
    )
    return text.split('\n').filter((line) => line.startsWith('celery_toolbox_'))
  }
  expect(await lines()).toEqual([
    'celery_toolbox_worker_clock_drift_seconds{worker="behind"} 3600',
    'celery_toolbox_worker_clock_drift_seconds{worker="ahead"} -90',
  ])
  await database.query('update monitor.worker set drift_s = null')
  expect(await lines()).toEqual([])
})
