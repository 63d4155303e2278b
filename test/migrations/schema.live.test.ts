import { DataSource } from 'typeorm'
import { expect, onTestFinished, test } from 'vitest'
import { migrations } from '../../migrations/index.ts'
import type { Database } from '../../src/database/database.ts'
import { migrateDown, migrateUp } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { openResultStore } from '../../src/results/open-result-store.ts'
import { freshDatabase } from '../support/postgres.ts'
import { makePythonsTables } from '../support/pythons-tables.ts'

test('the migrations make the very tables that Celery makes', async () => {
  const ours = await open({ migrated: true })
  const pythons = await open({ python: 'new' })
  expect(await celeryTables(ours)).toEqual(await celeryTables(pythons))
})

test('the result store makes the very tables that the migrations make', async () => {
  const url = await freshDatabase()
  const store = await openResultStore({ result_backend: `db+${url}` })
  onTestFinished(() => store.close())
  await store.save({ taskId: 't', status: 'SUCCESS', result: 1, traceback: null, dateDone: null })
  const made = await openDatabase({ url })
  onTestFinished(() => made.close())
  const migrated = await open({ migrated: true })
  expect(await celeryTables(made)).toEqual(await celeryTables(migrated))
  expect(await columnOrder(made)).toEqual(await columnOrder(migrated))
})

test('tables that the newest Celery made stay as they are, with their rows', async () => {
  const database = await open({ python: 'new' })
  await database.query(
    "insert into celery_taskmeta (id, task_id, status) values (1, 't', 'SUCCESS')",
  )
  const before = [await celeryTables(database), await columnOrder(database)]
  await migrateUp(database)
  expect([await celeryTables(database), await columnOrder(database)]).toEqual(before)
  expect(await database.query('select task_id from celery_taskmeta')).toEqual([{ task_id: 't' }])
})

test('tables that an older Celery made gain what is missing, and keep their rows', async () => {
  const asNow = await celeryTables(await open({ migrated: true }))
  const database = await open({ python: 'old' })
  await database.query(
    "insert into celery_taskmeta (id, task_id, status, name) values (1, 't', 'SUCCESS', 'add')",
  )
  expect(await columnOrder(database)).not.toContainEqual({ name: 'children' })
  await migrateUp(database)
  expect(await celeryTables(database)).toEqual(asNow)
  expect(await database.query('select task_id, name from celery_taskmeta')).toEqual([
    { task_id: 't', name: 'add' },
  ])
})

test('tables with the first six columns alone gain all others, and the index', async () => {
  const asNow = await celeryTables(await open({ migrated: true }))
  const database = await open({ python: 'old' })
  await database.query(`
    alter table celery_taskmeta drop column name, drop column args, drop column kwargs, drop column worker,
      drop column retries, drop column queue;
    drop index if exists ix_celery_taskmeta_date_done, ix_celery_tasksetmeta_date_done`)
  await migrateUp(database)
  expect(await celeryTables(database)).toEqual(asNow)
})

test('migrating down and up again leaves the columns of tables with results as they are', async () => {
  const database = await open({ python: 'old' })
  await database.query(
    "insert into celery_taskmeta (id, task_id, status) values (1, 't', 'SUCCESS')",
  )
  await migrateUp(database)
  const before = await columnOrder(database)
  await migrateDown(database, { steps: 100 })
  expect(await columnOrder(database)).toEqual(before)
  await migrateUp(database)
  expect(await columnOrder(database)).toEqual(before)
})

test('migrating down leaves results that are there, and drops empty tables', async () => {
  const database = await open()
  await migrateUp(database)
  await database.query(
    "insert into celery_taskmeta (id, task_id, status) values (1, 't', 'SUCCESS')",
  )
  await migrateDown(database, { steps: 100 })
  const [row] = await database.query(
    "select to_regclass('celery_taskmeta') is not null as kept, to_regclass('celery_tasksetmeta') as empty",
  )
  expect(row).toEqual({ kept: true, empty: null })
})

test("the migrations run in an application's own DataSource, also where ours ran before", async () => {
  const url = await freshDatabase()
  await migrateUp(url)
  const source = new DataSource({
    type: 'postgres',
    url,
    migrations: [...migrations],
    logging: false,
  })
  await source.initialize()
  onTestFinished(() => source.destroy())
  expect(await source.runMigrations()).toHaveLength(migrations.length)
  expect(await source.query('select count(*)::int from monitor.task_history')).toEqual([
    { count: 0 },
  ])
})

test('partitions are made from yesterday on, once, however many ask', async () => {
  const database = await open({ migrated: true })
  const ask = () =>
    database.query<{ made: number }>('select monitor.ensure_message_partitions(30) as made')
  const made = await Promise.all([ask(), ask(), ask()])
  expect(made.map(([row]) => row?.made).sort()).toEqual([0, 0, 23])
  const [bounds] = await database.query(`
    select min(relname) = 'message_' || to_char(now() at time zone 'UTC' - interval '1 day', 'YYYYMMDD') as from_yesterday,
      count(*) as days
    from pg_class where relname ~ '^message_\\d{8}$' and relkind = 'r'`)
  expect(bounds).toEqual({ from_yesterday: true, days: 32 })
})

test('a day whose messages came before its partition takes them over', async () => {
  const database = await open({ migrated: true })
  await database.query(`insert into monitor.message (day, exchange, routing_key, properties, headers, body, digest)
    select (now() at time zone 'UTC')::date + 10, '', 'q', '{}', '{}', 'body', digest::bytea from unnest('{a,b}'::text[]) digest`)
  const placed = () =>
    database.query(`select tableoid::regclass::text like '%default' as in_default, id, digest::text
    from monitor.message order by id`)
  expect(await placed()).toMatchObject([{ in_default: true }, { in_default: true }])
  const before = await database.query('select * from monitor.message order by id')
  await database.query('select monitor.ensure_message_partitions(10)')
  expect(await placed()).toMatchObject([{ in_default: false }, { in_default: false }])
  expect(await database.query('select * from monitor.message order by id')).toEqual(before)
})

test('a copy of a message that was delivered again is recognised', async () => {
  const database = await open({ migrated: true })
  const insert = () =>
    database.query(`insert into monitor.message (day, exchange, routing_key, properties, headers, body, digest)
    values (now() at time zone 'UTC', '', 'q', '{}', '{}', 'body', 'digest')
    on conflict (day, digest) do nothing returning id`)
  expect(await insert()).toHaveLength(1)
  expect(await insert()).toHaveLength(0)
})

/** Columns, constraints, indexes and sequences, as PostgreSQL describes them. */
async function celeryTables(database: Database): Promise<object> {
  const celerys = "table_schema = 'public' and table_name like 'celery_task%meta'"
  return {
    columns:
      await database.query(`select table_name, column_name, data_type, character_maximum_length, is_nullable, column_default
      from information_schema.columns where ${celerys} order by 1, 2`),
    constraints: await database.query(`select conname, pg_get_constraintdef(oid) from pg_constraint
      where conrelid::regclass::text like 'celery_task%meta' order by 1`),
    indexes: await database.query(
      `select indexdef from pg_indexes where tablename like 'celery_task%meta' order by 1`,
    ),
    sequences:
      await database.query(`select sequencename, start_value, increment_by, cache_size from pg_sequences
      where sequencename like 'task%_id_sequence' order by 1`),
  }
}

async function columnOrder(database: Database): Promise<readonly object[]> {
  return await database.query(
    `select attname as name from pg_attribute
     where attrelid = 'celery_taskmeta'::regclass and attnum > 0 and not attisdropped order by attnum`,
  )
}

interface Start {
  readonly migrated?: boolean
  /** Whose Celery made its tables first. */
  readonly python?: 'new' | 'old'
}

async function open({ migrated = false, python }: Start = {}): Promise<Database> {
  const url = await freshDatabase()
  if (python !== undefined) await makePythonsTables(url, python)
  const database = await openDatabase({ url })
  onTestFinished(() => database.close())
  if (migrated) await migrateUp(database)
  return database
}
