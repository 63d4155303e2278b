import { expect, onTestFinished, test, vi } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import type { Database, Transaction } from '../../../src/database/database.ts'
import {
  absorbRecent,
  absorbTasks,
  absorbUnfinished,
} from '../../../src/monitor/states/absorb-results.ts'
import { Absorber } from '../../../src/monitor/states/absorber.ts'
import { backfill } from '../../../src/monitor/states/backfill.ts'
import { waitFor } from '../../support/wait-for.ts'
import { migrated, recordTask, storeResult, tasks } from './recorded.ts'

const BOOM = { exc_type: 'ValueError', exc_message: ['no ink'], exc_module: 'builtins' }

test('what the backend holds becomes part of the record, and outlives its row there', async () => {
  const database = await migrated()
  for (const task_id of ['done', 'failed', 'none', 'started', 'unknown to the backend'])
    await recordTask(database, { task_id })
  await storeResult(database, {
    taskId: 'done',
    status: 'SUCCESS',
    json: '{"url": "x"}',
    worker: 'w@h',
  })
  await storeResult(database, {
    taskId: 'failed',
    status: 'FAILURE',
    result: BOOM,
    traceback: 'Trace',
  })
  await storeResult(database, { taskId: 'none', status: 'SUCCESS' })
  await storeResult(database, { taskId: 'started', status: 'STARTED', done: 'null::timestamptz' })
  const before = await history(database)
  expect(await absorbUnfinished(database)).toMatchObject({ looked: 5, changed: 4 })
  await database.query("delete from celery_taskmeta where status <> 'STARTED'")
  expect(await history(database)).toEqual(before)
  expect(
    await tasks(database, 'task_id, state, exception, worker, finished_at is null as under_way'),
  ).toEqual([
    { task_id: 'done', state: 'SUCCESS', exception: null, worker: 'w@h', under_way: false },
    {
      task_id: 'failed',
      state: 'FAILURE',
      exception: 'ValueError: no ink',
      worker: null,
      under_way: false,
    },
    { task_id: 'none', state: 'SUCCESS', exception: null, worker: null, under_way: false },
    { task_id: 'started', state: 'STARTED', exception: null, worker: null, under_way: true },
    {
      task_id: 'unknown to the backend',
      state: 'PENDING',
      exception: null,
      worker: null,
      under_way: true,
    },
  ])
  expect(await absorbUnfinished(database)).toMatchObject({ changed: 0 })
})

test('a result and an event of the same end make one record, whichever comes first', async () => {
  const database = await migrated()
  const event = {
    state: 'FAILURE',
    state_at: '2026-01-02T00:00:05Z',
    exception: "ValueError('no ink')",
    traceback: 'T',
  }
  await recordTask(database, { task_id: 'event first', ...event })
  await recordTask(database, { task_id: 'result first' })
  const done = "timestamptz '2026-01-02T00:00:03Z'"
  for (const taskId of ['event first', 'result first'])
    await storeResult(database, {
      taskId,
      status: 'FAILURE',
      result: BOOM,
      traceback: 'Traceback',
      done,
    })
  expect(await absorbTasks(database, ['event first', 'result first'])).toMatchObject({ changed: 2 })
  await database.query(
    `update monitor.task set state_at = $1 where task_id = 'result first' and monitor.is_further('FAILURE', $1, state, state_at)`,
    [event.state_at],
  )
  const [first, second] = await tasks(database, 'state, state_at, result, exception, traceback')
  expect(first).toEqual(second)
  expect(first).toMatchObject({
    exception: 'ValueError: no ink',
    traceback: 'Traceback',
    result: BOOM,
  })
  expect(await absorbTasks(database, ['event first', 'result first'])).toMatchObject({ changed: 0 })
})

test('results are absorbed within moments, those with a wrong date by the sweep, and those announced at once', async () => {
  const database = await migrated()
  for (const task_id of ['recent', 'skewed', 'announced']) await recordTask(database, { task_id })
  const keeper = new Absorber({ database, everyMs: 20, sweepEveryMs: 60_000 })
  const other = new Absorber({ database, everyMs: 20, sweepEveryMs: 60_000 })
  onTestFinished(async () => {
    await Promise.all([keeper.stop(), other.stop()])
  })
  const sweeps = vi.spyOn(Absorber.prototype, 'sweep')
  onTestFinished(() => sweeps.mockRestore())
  await Promise.all([keeper.start(), other.start()])
  // Each begins with a sweep; the next comes after a minute.
  await waitFor('their first sweeps', () => sweeps.mock.results.length === 2)
  await Promise.all(sweeps.mock.results.map(({ value }) => value))
  const state = async (taskId: string) =>
    (
      await database.query<{ state: string }>('select state from monitor.task where task_id = $1', [
        taskId,
      ])
    )[0]?.state
  await storeResult(database, { taskId: 'recent', status: 'SUCCESS' })
  await waitFor('the recent one', async () => (await state('recent')) === 'SUCCESS')
  await storeResult(database, {
    taskId: 'skewed',
    status: 'SUCCESS',
    done: "now() - interval '3 hours'",
  })
  await storeResult(database, {
    taskId: 'announced',
    status: 'SUCCESS',
    done: "now() - interval '3 hours'",
  })
  await waitFor('the announced one', async () => {
    await database.query("select pg_notify('celery_taskmeta', 'announced')")
    return (await state('announced')) === 'SUCCESS'
  })
  expect(await state('skewed')).toBe('PENDING')
  await keeper.sweep()
  expect(await state('skewed')).toBe('SUCCESS')
})

test('a locked row is left for later, and holds up no other', async () => {
  const database = await migrated()
  for (const task_id of ['held', 'free']) await recordTask(database, { task_id })
  for (const taskId of ['held', 'free']) await storeResult(database, { taskId, status: 'SUCCESS' })
  await database.transaction(async (connection) => {
    await connection.query("select from monitor.task where task_id = 'held' for update")
    expect(await absorbUnfinished(database)).toMatchObject({ changed: 1 })
  })
  expect(await absorbUnfinished(database)).toMatchObject({ changed: 1 })
})

test('a monitor that is suspended within a page keeps the others from absorbing for seconds only', async () => {
  const database = await migrated()
  await recordTask(database, { task_id: 'done' })
  await storeResult(database, { taskId: 'done', status: 'SUCCESS' })
  const isInside = deferred()
  const goesOn = deferred()
  const suspended: Database = Object.create(database, {
    transaction: {
      value: (work: (transaction: Transaction) => Promise<unknown>) =>
        database.transaction(async (transaction) => {
          const query = async (sql: string, parameters?: readonly unknown[]) => {
            if (sql.includes('absorb_results')) {
              isInside.resolve()
              await goesOn.promise
            }
            return await transaction.query(sql, parameters)
          }
          return await work({ query } as Transaction)
        }),
    },
  })
  const first = absorbRecent(suspended, 60_000)
  await isInside.promise
  expect(await absorbRecent(database, 60_000)).toBe('busy')
  await waitFor('another absorbs', async () => (await absorbRecent(database, 60_000)) !== 'busy')
  expect(await tasks(database, 'state')).toEqual([{ state: 'SUCCESS' }])
  goesOn.resolve()
  await expect(first).rejects.toThrow()
})

test('what was there before the monitor is taken over in batches, and again without harm', async () => {
  const database = await migrated()
  await database.query(
    `insert into celery_taskmeta (id, task_id, status, result, date_done, name, args, worker, retries, queue)
     select n, 'old-' || n, 'SUCCESS', convert_to(n::text, 'UTF8'), '2026-01-02 03:04:05', 'export.pdf', '[1]', 'w@h', 2, 'export'
     from generate_series(1, 25) n`,
  )
  await recordTask(database, { task_id: 'old-3', name: 'export.other', options: {} })
  const seen: number[] = []
  const done = await backfill(database, {
    batchSize: 10,
    onProgress: ({ done }) => seen.push(done),
  })
  expect(done).toEqual({ done: 25, total: 25, added: 24, changed: 25, nameless: 0, lastId: 25 })
  expect(seen).toEqual([10, 20, 25])
  expect(await backfill(database)).toMatchObject({ done: 25, added: 0, changed: 0 })
  expect(await backfill(database, { afterId: 20 })).toMatchObject({ done: 5, total: 5 })
  await database.query('delete from celery_taskmeta')
  expect((await history(database)).filter(({ task_id }) => task_id === 'old-7')).toMatchObject([
    {
      name: 'export.pdf',
      args: [1],
      status: 'SUCCESS',
      result: 7,
      worker: 'w@h',
      queue: 'export',
      retries: 2,
      finished_at: new Date('2026-01-02T03:04:05Z'),
    },
  ])
  expect(await tasks(database, 'name')).toContainEqual({ name: 'export.other' })
})

async function history(database: Database): Promise<Record<string, unknown>[]> {
  return await database.query(
    `select task_id, name, status, args, queue, retries, worker, result, exception, traceback, finished_at, reason
     from monitor.task_history order by task_id`,
  )
}
