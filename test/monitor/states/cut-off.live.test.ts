import { expect, test } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { whyTask } from '../../../src/monitor/queries/why/why-task.ts'
import type { ReconcilerOptions } from '../../../src/monitor/states/reconciler.ts'
import {
  heard,
  PYTHON,
  passes,
  process,
  queueWith,
  reconcilerOf,
  started,
  told,
  watched,
} from './fleet.ts'
import { migrated, storeResult } from './recorded.ts'

test('what a cold stop of a Python worker cut off is lost when the worker has ended, beside a silent worker too', async () => {
  const database = await migrated()
  await coldStop(database)
  await process(database, 'silent@host', { told: 'null' })
  const options = replaying({ stopDeadlineMs: 30_000 })
  expect(await passes(reconcilerOf(database, options))).toMatchObject([
    { taskId: 'cut off', kind: 'worker-gone', action: 'replay', newId: 'new cut off' },
  ])
  expect(await told(database, 'cut off')).toMatchObject({
    status: 'LOST',
    reason: expect.stringMatching(
      /^worker cold@host cut it off at 20.*, announced its stop at 20.*, and has ended by the deadline of 30 s, and nothing was heard of the task since$/,
    ),
    lost: { was: 'RETRY', evidence: { cut_off_at: expect.any(String), stop_deadline_s: 30 } },
  })
})

test('what another worker has taken since it was cut off is not lost', async () => {
  const database = await migrated()
  await coldStop(database)
  const callRoll = async () => ({
    answered: new Set(['silent@host']),
    holders: new Map([['cut off', 'silent@host']]),
  })
  const options = replaying({ stopDeadlineMs: 30_000, callRoll })
  expect(await passes(reconcilerOf(database, options))).toEqual([])
  expect(await told(database, 'cut off')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(/worker silent@host has the task now, and sends no events$/),
  })
})

test('of what was cut off by a worker that may not have ended yet, the record says that it may be in its queue again', async () => {
  const database = await migrated()
  await coldStop(database)
  const broker = queueWith(() => ({ messages: 1, consumers: 1 }))
  expect(await passes(reconcilerOf(database, { broker }))).toEqual([])
  const again = /^cut off by worker cold@host 9\d s ago; back in queue export if it is acknowledged/
  expect(await told(database, 'cut off')).toMatchObject({
    status: 'RETRY',
    reason: expect.stringMatching(again),
  })
  expect((await whyTask(database, broker, 'cut off'))?.why[0]).toMatch(
    /^it was cut off by worker cold@host/,
  )
  expect(await passes(reconcilerOf(database))).toEqual([])
  expect(await told(database, 'cut off')).toMatchObject({
    status: 'UNHEARD',
    reason:
      'cut off by worker cold@host; its queue export is empty, and a worker that sends no events may have taken it from there',
  })
})

test('where all workers of the queue report what they take, none has what was cut off, and its queue is empty, it is lost', async () => {
  const database = await migrated()
  await coldStop(database)
  await process(database, 'w1@host')
  await watched(database)
  expect(await passes(reconcilerOf(database))).toMatchObject([
    { taskId: 'cut off', kind: 'worker-gone', evidence: { answered: ['w1@host', 'w2@host'] } },
  ])
  expect(await told(database, 'cut off')).toMatchObject({
    status: 'LOST',
    reason: expect.stringMatching(
      /^cut off by worker cold@host; its queue export has been empty for \d s; all its workers/,
    ),
  })
})

/** As Celery 5.7 tells it: the task is cancelled, the backend has RETRY, and the worker announces its stop. */
async function coldStop(database: Database): Promise<void> {
  const ago = '95 seconds'
  await heard(database, {
    hostname: 'cold@host',
    ago,
    offline: `now() - interval '${ago}'`,
    idle: `now() - interval '${ago}'`,
    ...PYTHON,
  })
  await started(database, 'cut off', 'cold@host')
  await database.query(
    `update monitor.task set state = 'RETRY', event_state = 'RETRY', state_at = now() - $1::interval, event_at = now() - $1::interval`,
    [ago],
  )
  await database.query(
    `insert into monitor.event (day, happened_at, type, hostname, task_id, fields, digest)
     select (now() at time zone 'utc')::date, now() - since, type, 'cold@host', 'cut off', '{"pid": 1}', type::bytea
     from (values ('task-started', interval '5 minutes'), ('task-cancelled', $1::interval)) as told (type, since)`,
    [ago],
  )
  await storeResult(database, { taskId: 'cut off', status: 'RETRY', done: 'null::timestamptz' })
}

function replaying(options: Partial<ReconcilerOptions>): Partial<ReconcilerOptions> {
  return { policies: { '*': 'replay' }, replay: async (id) => `new ${id}`, ...options }
}
