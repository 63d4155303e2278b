import { expect, test } from 'vitest'
import { workersCheck } from '../../src/cli/doctor/examine-workers.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { migratedDatabase } from '../support/postgres.ts'

test('doctor names workers whose clocks are wrong, and by how much', async () => {
  await using database = await openDatabase({ url: await migratedDatabase() })
  await database.query(
    `insert into monitor.worker (hostname, drift_s) values ('w1@host', 3600), ('w2@host', -90), ('w3@host', null)`,
  )
  await database.query(
    `insert into monitor.worker_process (hostname, pid, task_event_at) select hostname, 1, now() from monitor.worker`,
  )
  expect(await workersCheck(database)).toMatchObject({
    found: 'clocks are wrong: w1@host (3600 s behind), w2@host (90 s ahead)',
    advice: 'set their clocks (NTP)',
  })
})

test('doctor names workers that have run tasks and sent no events, and says what events would add', async () => {
  await using database = await openDatabase({ url: await migratedDatabase() })
  await database.query(
    `insert into monitor.worker_process (hostname, pid, processed, task_event_at)
     values ('silent@host', 1, 3, null), ('new@host', 1, 0, null), ('telling@host', 1, 3, now())`,
  )
  expect(await workersCheck(database)).toMatchObject({
    found: '1 of 3 have run tasks and sent no events of them: silent@host',
    advice: expect.stringMatching(/-E .*when each task was received and started.*UNHEARD/),
  })
})
