import { expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { migratedDatabase } from '../support/postgres.ts'

const TWO = '\\x80054b022e'
const JSON_NULL = '\\x6e756c6c'
const BOOM =
  '\\x80059554000000000000007d94288c086578635f74797065948c0b437573746f6d4572726f72948c0b6578635f6d657373616765' +
  '944b2a8c09626164207468696e679486948c0a6578635f6d6f64756c65948c0870726f6a2e61707094752e'

test.each([
  ['PENDING', null, 'PENDING'],
  ['STARTED', null, 'STARTED'],
  ['PROGRESS', null, 'PROGRESS'],
  ['PENDING', 'STARTED', 'STARTED'],
  ['PENDING', 'SUCCESS', 'SUCCESS'],
  ['STARTED', 'PROGRESS', 'PROGRESS'],
  ['STARTED', 'RETRY', 'RETRY'],
  ['RECEIVED', 'STARTED', 'STARTED'],
  ['SUCCESS', 'STARTED', 'SUCCESS'],
  ['FAILURE', 'RETRY', 'FAILURE'],
  ['REVOKED', 'STARTED', 'REVOKED'],
  ['SUCCESS', 'REVOKED', 'REVOKED'],
  ['REVOKED', 'SUCCESS', 'SUCCESS'],
])('seen as %s and stored as %s, a task is %s', async (state, stored, status) => {
  const database = await migrated()
  await database.query('insert into monitor.task (task_id, state) values ($1, $2)', ['t', state])
  if (stored !== null) await store(database, { status: stored })
  expect(await database.query('select status, state from monitor.task_history')).toEqual([
    { status, state },
  ])
})

test.each([
  ["now() + interval '1 hour'", 'null', 'PENDING', 'SCHEDULED'],
  ["now() - interval '1 hour'", 'null', 'PENDING', 'PENDING'],
  ['null', "now() - interval '1 hour'", 'PENDING', 'EXPIRED'],
  ['null', "now() + interval '1 hour'", 'PENDING', 'PENDING'],
  ["now() + interval '1 hour'", "now() - interval '1 hour'", 'PENDING', 'EXPIRED'],
  ['null', "now() - interval '1 hour'", 'STARTED', 'STARTED'],
])('with eta %s and expires %s, a task in state %s is %s', async (eta, expires, state, status) => {
  const database = await migrated()
  await database.query(
    `insert into monitor.task (task_id, state, eta, expires) values ('t', $1, ${eta}, ${expires})`,
    [state],
  )
  expect(await database.query('select status from monitor.task_history')).toEqual([{ status }])
})

test('a stored result is read, dated in UTC, and fills what the monitor did not see', async () => {
  const database = await migrated()
  await database.query("insert into monitor.task (task_id) values ('t')")
  await store(database, {
    status: 'SUCCESS',
    result: TWO,
    name: 'export.pdf',
    worker: 'celery@host',
    retries: 2,
  })
  expect(await history(database)).toMatchObject({
    result: 2,
    name: 'export.pdf',
    worker: 'celery@host',
    retries: 2,
    finished_at: new Date('2026-01-02T03:04:05Z'),
    exception: null,
  })
})

test('a stored None is null, which is a result', async () => {
  const database = await migrated()
  await database.query("insert into monitor.task (task_id) values ('t')")
  await store(database, { status: 'SUCCESS' })
  expect(await database.query("select result = 'null' as none from monitor.task_history")).toEqual([
    { none: true },
  ])
})

test("JSON's null is no result of an unfinished task, and None of a finished one", async () => {
  const database = await migrated()
  await database.query("insert into monitor.task (task_id) values ('t')")
  await store(database, { status: 'PROGRESS', result: JSON_NULL })
  expect(await database.query('select result from monitor.task_history')).toEqual([
    { result: null },
  ])
  await database.query("update celery_taskmeta set status = 'SUCCESS'")
  expect(await database.query("select result = 'null' as none from monitor.task_history")).toEqual([
    { none: true },
  ])
})

test('a stored failure shows its exception and traceback', async () => {
  const database = await migrated()
  await database.query("insert into monitor.task (task_id) values ('t')")
  await store(database, { status: 'FAILURE', result: BOOM, traceback: 'Traceback ...' })
  expect(await history(database)).toMatchObject({
    exception: 'CustomError: 42, bad thing',
    traceback: 'Traceback ...',
    result: { exc_type: 'CustomError', exc_message: [42, 'bad thing'], exc_module: 'proj.app' },
  })
})

test('a failure that was stored as JSON shows the same exception', async () => {
  const database = await migrated()
  await database.query("insert into monitor.task (task_id) values ('t')")
  const json =
    '{"exc_type": "CustomError", "exc_message": [42, "bad thing"], "exc_module": "proj.app"}'
  await store(database, { status: 'FAILURE', result: `\\x${Buffer.from(json).toString('hex')}` })
  expect(await history(database)).toMatchObject({
    exception: 'CustomError: 42, bad thing',
    result: { exc_type: 'CustomError', exc_message: [42, 'bad thing'], exc_module: 'proj.app' },
  })
})

test('what the monitor saw itself comes first, and its result where it saw the task further along', async () => {
  const database = await migrated()
  await database.query(`insert into monitor.task (task_id, state, result, exception, traceback, worker, finished_at)
    values ('t', 'SUCCESS', '{"seen": true}', 'seen', 'seen', 'seen', '2025-01-01Z')`)
  await store(database, { status: 'STARTED', result: TWO, worker: 'stored', traceback: 'stored' })
  expect(await history(database)).toMatchObject({
    status: 'SUCCESS',
    result: { seen: true },
    exception: 'seen',
    traceback: 'seen',
    worker: 'seen',
    finished_at: new Date('2025-01-01T00:00:00Z'),
  })
})

test('the date of an unfinished state is no end', async () => {
  const database = await migrated()
  await database.query("insert into monitor.task (task_id) values ('t')")
  await store(database, { status: 'RETRY', result: BOOM })
  expect(await history(database)).toMatchObject({
    finished_at: null,
    exception: 'CustomError: 42, bad thing',
  })
})

test('a result that cannot be read does not hide its row', async () => {
  const database = await migrated()
  await database.query("insert into monitor.task (task_id) values ('t')")
  await store(database, { status: 'SUCCESS', result: '\\xdeadbeef' })
  expect(await history(database)).toMatchObject({
    result: { __unreadable__: 'neither pickle nor JSON' },
  })
})

test('counting by status, or reading the latest, reads no pickle', async () => {
  const database = await migrated()
  const plans = await Promise.all(
    [
      'select status, count(*) from monitor.task_history group by 1',
      'select task_id, name, status, finished_at from monitor.task_history order by published_at desc limit 50',
    ].map((sql) => database.query(`explain verbose ${sql}`)),
  )
  expect(JSON.stringify(plans)).not.toMatch(/pickle|get_byte/)
  const [reading] = await Promise.all([
    database.query('explain verbose select result from monitor.task_history'),
  ])
  expect(JSON.stringify(reading)).toMatch(/read_pickle/)
})

interface Stored {
  readonly status: string
  readonly result?: string
  readonly traceback?: string
  readonly name?: string
  readonly worker?: string
  readonly retries?: number
}

async function store(database: Database, row: Stored): Promise<void> {
  await database.query(
    `insert into celery_taskmeta (id, task_id, status, result, traceback, name, worker, retries, date_done)
     values (1, 't', $1, $2::bytea, $3, $4, $5, $6, '2026-01-02 03:04:05')`,
    [row.status, row.result, row.traceback, row.name, row.worker, row.retries],
  )
}

async function history(database: Database): Promise<object | undefined> {
  const [row] = await database.query('select * from monitor.task_history')
  return row
}

async function migrated(): Promise<Database> {
  const database = await openDatabase({ url: await migratedDatabase() })
  onTestFinished(() => database.close())
  return database
}
