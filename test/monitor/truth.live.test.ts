import { expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { absorbTasks, absorbUndated } from '../../src/monitor/states/absorb-results.ts'
import { backfill } from '../../src/monitor/states/backfill.ts'
import { markResults } from '../../src/monitor/states/mark-results.ts'
import { writeBatch } from '../../src/monitor/write-batch.ts'
import { eventsMessage, tell } from './events/tellings.ts'
import { message, read } from './messages.ts'
import { migrated, recordTask, storeResult } from './states/recorded.ts'

const SECONDS = () => Date.now() / 1000

test('a state that a task sets itself shows though an event said that it started, and never goes back', async () => {
  const database = await migrated()
  await writeBatch(database, [await read(message({ id: 'a', task: 'export.pdf' }))])
  await happened(database, 'task-started', { uuid: 'a' })
  await storeResult(database, { taskId: 'a', status: 'PROGRESS', json: '{"done": 3}', done: NONE })
  expect(await history(database, 'a')).toMatchObject({ status: 'PROGRESS', result: { done: 3 } })
  await absorbUndated(database)
  expect(await history(database, 'a')).toMatchObject({ state: 'PROGRESS', result: { done: 3 } })
  await storeResult(database, { taskId: 'a', status: 'PROGRESS', json: '{"done": 5}', done: NONE })
  await absorbUndated(database)
  await happened(database, 'task-started', { uuid: 'a', timestamp: SECONDS() - 60 })
  expect(await history(database, 'a')).toMatchObject({ state: 'PROGRESS', result: { done: 5 } })
  // What is late goes no further: the arrival, and the message itself.
  await happened(database, 'task-received', { uuid: 'a', timestamp: SECONDS() - 61 })
  await writeBatch(database, [await read(message({ id: 'a', task: 'export.pdf' }))])
  expect(await history(database, 'a')).toMatchObject({ status: 'PROGRESS', result: { done: 5 } })
  await happened(database, 'task-succeeded', { uuid: 'a', result: '7', runtime: 1 })
  expect(await history(database, 'a')).toMatchObject({ status: 'SUCCESS', state: 'SUCCESS' })
  await absorbUndated(database)
  expect(await history(database, 'a')).toMatchObject({ state: 'SUCCESS' })
})

test('without events a state of its own shows as well', async () => {
  const database = await migrated()
  await writeBatch(database, [await read(message({ id: 'a', task: 'export.pdf' }))])
  await storeResult(database, { taskId: 'a', status: 'PROGRESS', json: '{"done": 3}', done: NONE })
  await absorbUndated(database)
  expect(await history(database, 'a')).toMatchObject({
    status: 'PROGRESS',
    state: 'PROGRESS',
    result: { done: 3 },
    reason: expect.stringMatching(/^started; its worker sent no event of it, so nothing shows/),
  })
})

test('no clock of a worker moves the time at which the monitor saw a message', async () => {
  const database = await migrated()
  const sight = await read(message({ id: 'a', task: 'export.pdf' }))
  const publishedAt = new Date(sight.message.receivedAtMs)
  await happened(database, 'task-received', { uuid: 'a', timestamp: SECONDS() - 3600 })
  await writeBatch(database, [sight])
  await happened(database, 'task-started', { uuid: 'a', timestamp: SECONDS() - 3600 })
  expect(await history(database, 'a')).toMatchObject({ published_at: publishedAt })
})

test('an event without a credible time counts as old as its arrival, and says so', async () => {
  const database = await migrated()
  await happened(database, 'task-succeeded', { uuid: 'a', timestamp: 0 })
  const { finished_at: at } = await history(database, 'a')
  expect(Date.now() - Number(at)).toBeLessThan(60_000)
  expect(await database.query('select fields from monitor.event')).toMatchObject([
    { fields: { remark: expect.stringMatching(/timestamp is not credible/) } },
  ])
})

test('of a task whose end came long before its message the record says so', async () => {
  const database = await migrated()
  await storeResult(database, {
    taskId: 'a',
    status: 'SUCCESS',
    json: '1',
    done: "now() - interval '1 hour'",
  })
  await writeBatch(database, [await read(message({ id: 'a', task: 'export.pdf' }))])
  const told = 'its end is dated 60 min before the monitor saw its message'
  expect(await history(database, 'a')).toMatchObject({ status: 'SUCCESS', reason: told })
  await absorbTasks(database, ['a'])
  expect(await history(database, 'a')).toMatchObject({ status: 'SUCCESS', reason: told })
})

test('of a task that was started again after its end, as a redelivery is, the record says so', async () => {
  const database = await migrated()
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000)
  const times = { published_at: ago(900), started_at: ago(300), finished_at: ago(600) }
  await recordTask(database, { task_id: 'a', state: 'SUCCESS', state_at: ago(600), ...times })
  expect(await history(database, 'a')).toMatchObject({
    status: 'SUCCESS',
    reason: 'it was started again 5 min after its end',
  })
})

test('backfill makes no task of a result without a name, and says that others have no message', async () => {
  const database = await migrated()
  await storeResult(database, { taskId: 'nameless', status: 'FAILURE' })
  await storeResult(database, { taskId: 'named', status: 'SUCCESS', name: 'export.pdf', json: '1' })
  expect(await backfill(database)).toMatchObject({ added: 1, nameless: 1 })
  expect(await database.query('select task_id from monitor.task')).toEqual([{ task_id: 'named' }])
  expect(await history(database, 'named')).toMatchObject({
    reason: 'known by its result alone: no message of it is recorded',
  })
  await writeBatch(database, [await read(message({ id: 'named', task: 'export.pdf' }))])
  expect(await history(database, 'named')).toMatchObject({ status: 'SUCCESS', reason: null })
})

test('is_result that is set on the body of a chord is found in celery.chord_unlock', async () => {
  const database = await migrated()
  const body = { task: 'export.total', options: { task_id: 'body', is_result: true } }
  const unlock = message({ id: 'unlock', task: 'celery.chord_unlock', args: ['group', body] })
  await writeBatch(database, [await read(unlock)])
  await markResults(database)
  await writeBatch(database, [await read(message({ id: 'body', task: 'export.total' }))])
  await markResults(database)
  expect(await history(database, 'body')).toMatchObject({ is_result: true })
  expect(await database.query('select from monitor.result_mark')).toEqual([])
})

test('what a worker dated by a clock that is wrong is stored by the right time', async () => {
  const database = await migrated()
  await database.query(`insert into monitor.worker (hostname, drift_s) values ('w1@host', 3600)`)
  await recordTask(database, { task_id: 'a', options: {}, published_at: new Date() })
  const done = "now() - interval '1 hour'"
  await storeResult(database, {
    taskId: 'a',
    status: 'SUCCESS',
    json: '1',
    worker: 'w1@host',
    done,
  })
  await absorbTasks(database, ['a'])
  const [row] = await database.query<{ apart: number }>(
    `select abs(extract(epoch from now() - finished_at))::float8 as apart from monitor.task`,
  )
  expect(row?.apart).toBeLessThan(30)
})

test('a result that is dated ahead is as old as the first look at it, and stays so', async () => {
  const database = await migrated()
  await recordTask(database, { task_id: 'a', options: {}, published_at: new Date() })
  const done = "now() + interval '1 hour'"
  await storeResult(database, { taskId: 'a', status: 'SUCCESS', json: '1', done })
  await absorbTasks(database, ['a'])
  const first = await history(database, 'a')
  expect(Math.abs(Number(first.finished_at) - Date.now())).toBeLessThan(30_000)
  await absorbTasks(database, ['a'])
  expect(await history(database, 'a')).toMatchObject({
    finished_at: first.finished_at,
    state_at: first.state_at,
  })
})

test.each([
  ['the clock of its worker is right again', 'update monitor.worker set drift_s = null'],
  [
    'its date, which was ahead, is none any more',
    `update monitor.task set finished_at = finished_at - interval '1 hour', state_at = state_at - interval '1 hour'`,
  ],
])('the time of a result moves no more, though %s', async (_, change) => {
  const database = await migrated()
  await database.query(`insert into monitor.worker (hostname, drift_s) values ('w1@host', -3600)`)
  await recordTask(database, { task_id: 'a', options: {}, published_at: new Date() })
  const done = "now() - interval '5 seconds'"
  const stored = { taskId: 'a', status: 'SUCCESS', json: '1', worker: 'w1@host', done }
  await storeResult(database, stored)
  await absorbTasks(database, ['a'])
  await database.query(change)
  const first = await history(database, 'a')
  await absorbTasks(database, ['a'])
  expect(await history(database, 'a')).toEqual({ ...first, updated_at: expect.any(Date) })
  // What another run of it has stored is news.
  await storeResult(database, { ...stored, json: '2', done: 'now()' })
  await database.query('update monitor.worker set drift_s = null')
  await absorbTasks(database, ['a'])
  const again = await history(database, 'a')
  expect(again.result).toBe(2)
  expect(Number(again.finished_at)).toBeGreaterThan(Number(first.finished_at) + 3_500_000)
})

const NONE = 'null::timestamptz'

async function happened(
  database: Database,
  type: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  const event = { type, hostname: 'w1@host', timestamp: SECONDS(), pid: 1, clock: 1, ...fields }
  await writeBatch(database, [await tell(eventsMessage([event]))])
}

async function history(database: Database, id: string): Promise<Record<string, unknown>> {
  const [row] = await database.query<Record<string, unknown>>(
    'select * from monitor.task_history where task_id = $1',
    [id],
  )
  return row ?? {}
}
