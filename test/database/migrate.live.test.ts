import { expect, onTestFinished, test } from 'vitest'
import { migrations } from '../../migrations/index.ts'
import type { Database } from '../../src/database/database.ts'
import {
  type MigrationStep,
  migrateDown,
  migrateUp,
  migrationStatus,
  requireMigrations,
} from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { freshDatabase } from '../support/postgres.ts'

test('migrating up runs every migration in its order, telling of each, and a second time none', async () => {
  const database = await open()
  const steps: MigrationStep[] = []
  const ran = await migrateUp(database, { onProgress: (step) => steps.push(step) })
  expect(ran[0]).toBe('Baseline1798000000000')
  expect(steps).toEqual(ran.map((name) => ({ name, direction: 'up' })))
  expect(await migrateUp(database)).toEqual([])
})

test('the status shows when each migration ran, before any has and after', async () => {
  const database = await open()
  const before = await migrationStatus(database)
  expect(before.map(({ appliedAt }) => appliedAt)).toEqual(before.map(() => null))
  const ran = await migrateUp(database)
  const after = await migrationStatus(database.url)
  expect(after.map(({ name }) => name)).toEqual(ran)
  for (const { appliedAt } of after) expect(appliedAt).toBeInstanceOf(Date)
})

test('migrating down undoes the last, and all the way leaves no trace but the bookkeeping', async () => {
  const database = await open()
  const ran = await migrateUp(database)
  expect(await migrateDown(database)).toEqual(ran.slice(-1))
  expect((await migrationStatus(database)).at(-1)?.appliedAt).toBeNull()
  expect(await migrateDown(database, { steps: 100 })).toEqual(ran.slice(0, -1).reverse())
  const left = await database.query(`
    select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'monitor') and c.relkind <> 'i' and c.relname not like 'celery_toolbox_migrations%'
    union all select nspname from pg_namespace where nspname = 'monitor'`)
  expect(left).toEqual([])
  expect(await migrateUp(database)).toEqual(ran)
})

test('of several that start at once, one migrates and the others wait for it', async () => {
  const url = await freshDatabase()
  const runs = await Promise.all([migrateUp(url), migrateUp(url), migrateUp(url)])
  expect(runs.map((names) => names.length).sort()).toEqual([0, 0, migrations.length])
})

test('a database that lacks migrations is DATABASE_BEHIND, naming them and what to do', async () => {
  const database = await open()
  await migrateUp(database)
  await expect(requireMigrations(database)).resolves.toBeUndefined()
  await migrateDown(database)
  await expect(requireMigrations(database)).rejects.toMatchObject({
    code: 'DATABASE_BEHIND',
    message: expect.stringMatching(
      new RegExp(
        `lacks 1 of ${migrations.length} .*${migrations.at(-1)?.name}.*"celery-toolbox migrate up"`,
      ),
    ),
  })
})

test('tables of a version before the baseline are refused as they are, saying what to do', async () => {
  const database = await open()
  await database.query(`
    create schema monitor;
    create table monitor.task (task_id text primary key);
    insert into monitor.task values ('kept')`)
  await expect(migrateUp(database)).rejects.toMatchObject({
    code: 'DATABASE_TOO_OLD',
    message: expect.stringMatching(/before its first release.*DROP SCHEMA monitor CASCADE/s),
  })
  expect(await database.query('select task_id from monitor.task')).toEqual([{ task_id: 'kept' }])
  await database.query('drop schema monitor cascade')
  expect(await migrateUp(database)).toHaveLength(migrations.length)
})

test('a database with all migrations from before the baseline takes it over, and goes down by one step', async () => {
  const database = await open()
  const ran = await migrateUp(database)
  await database.query(`
    update celery_toolbox_migrations set name = 'KeepDoubts1797000030000', timestamp = 1797000030000;
    insert into monitor.task (task_id) values ('kept')`)
  expect(await migrateUp(database)).toEqual(ran)
  expect(await database.query('select task_id from monitor.task')).toEqual([{ task_id: 'kept' }])
  await requireMigrations(database)
  expect(await migrateDown(database, { steps: 100 })).toEqual([...ran].reverse())
})

test('a server that is not there is DATABASE_UNREACHABLE', async () => {
  const migrating = migrateUp('postgresql://u:hush@127.0.0.1:1/d')
  await expect(migrating).rejects.toMatchObject({
    code: 'DATABASE_UNREACHABLE',
    message: expect.not.stringContaining('hush'),
  })
})

async function open(): Promise<Database> {
  const database = await openDatabase({ url: await freshDatabase() })
  onTestFinished(() => database.close())
  return database
}
