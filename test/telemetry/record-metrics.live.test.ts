import { expect, test } from 'vitest'
import { openDatabase } from '../../src/database/open-database.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { RecordMetrics } from '../../src/telemetry/record-metrics.ts'
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
