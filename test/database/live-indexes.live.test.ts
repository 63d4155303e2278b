import { expect, onTestFinished, test } from 'vitest'
import { migrations } from '../../migrations/index.ts'
import type { Database } from '../../src/database/database.ts'
import { migrateDown, migrateUp } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { createDataSource } from '../../src/monitor/entities/data-source.ts'
import { freshDatabase } from '../support/postgres.ts'

const NAMES = migrations.map((Migration) => new Migration().name)
const SINCE_INDEXES = NAMES.length - NAMES.indexOf('IndexTask1795400061000')

test('indexes are made while others write, who never wait for a lock', async () => {
  const database = await withTasks(60_000)
  const writer = writing(database)
  await migrateUp(database)
  expect(await writer.stop()).toBeGreaterThan(10)
  expect(await indexNames(database)).toContain('task_arguments_idx')
})

test('an index that was cut short is made anew', async () => {
  const database = await withTasks(10)
  await database.query("insert into monitor.task (task_id, name) values ('twice', 'one')")
  await database.query(`
    create index task_failed_idx on monitor.task (published_at desc);
    update pg_index set indisvalid = false where indexrelid = 'monitor.task_failed_idx'::regclass`)
  await migrateUp(database)
  const [index] = await database.query<{ valid: boolean; definition: string }>(
    `select indisvalid as valid, pg_get_indexdef(indexrelid) as definition
     from pg_index where indexrelid = 'monitor.task_failed_idx'::regclass`,
  )
  expect(index).toMatchObject({ valid: true, definition: expect.stringContaining('WHERE') })
})

test.each(['all', 'each', 'none'] as const)(
  "an application's own DataSource may run all migrations with transaction mode %s",
  async (transaction) => {
    const url = await freshDatabase()
    const source = await createDataSource(url)
    await source.initialize()
    onTestFinished(() => source.destroy())
    expect(await source.runMigrations({ transaction })).toHaveLength(NAMES.length)
  },
)

/** A database as it was before the indexes, with tasks in it. */
async function withTasks(count: number): Promise<Database> {
  const database = await openDatabase({ url: await freshDatabase() })
  onTestFinished(() => database.close())
  await migrateUp(database)
  await migrateDown(database, { steps: SINCE_INDEXES })
  await database.query(
    `insert into monitor.task (task_id, root_id, name, args, kwargs, published_at)
     select 'task-' || i, 'task-' || i, 'export.pdf', to_jsonb(array[i]), jsonb_build_object('slug', 'project-' || i), now()
     from generate_series(1, $1::integer) i`,
    [count],
  )
  return database
}

/** Adds one task after the other until it is stopped; a lock held for long would be an error: a new column takes the table for a moment. */
function writing(database: Database) {
  let [isStopped, written] = [false, 0]
  const done = (async () => {
    while (!isStopped) {
      await database.transaction(async (connection) => {
        await connection.query("set local lock_timeout = '1s'")
        await connection.query("insert into monitor.task (task_id, kwargs) values ($1, '{}')", [
          `new-${written}`,
        ])
      })
      written += 1
    }
  })()
  const stop = async () => {
    isStopped = true
    await done
    return written
  }
  return { stop }
}

async function indexNames(database: Database): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    "select indexname as name from pg_indexes where schemaname = 'monitor' and tablename = 'task'",
  )
  return rows.map(({ name }) => name)
}
