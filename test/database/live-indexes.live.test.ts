import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm'
import { expect, onTestFinished, test } from 'vitest'
import { createIndexes } from '../../migrations/concurrent-indexes.ts'
import { migrations } from '../../migrations/index.ts'
import type { Database } from '../../src/database/database.ts'
import { migrateDown, migrationStatus } from '../../src/database/migrate.ts'
import { MIGRATIONS_TABLE } from '../../src/database/migrations-table.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { typeormSource } from '../../src/database/typeorm-source.ts'
import { migratedDatabase } from '../support/postgres.ts'

/** A migration of a later release: an index on a table that holds rows by then. */
class IndexOrigin1900000000000 implements MigrationInterface {
  readonly name = 'IndexOrigin1900000000000'

  async up(runner: QueryRunner): Promise<void> {
    await createIndexes(runner, [
      { name: 'task_origin_idx', table: 'task', definition: '(origin) WHERE origin IS NOT NULL' },
    ])
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX IF EXISTS monitor.task_origin_idx')
  }
}

test('a later migration makes its index while others write, who never wait for a lock', async () => {
  const database = await withTasks(60_000)
  const writer = writing(database)
  expect(await migrateLater(database)).toEqual(['IndexOrigin1900000000000'])
  expect(await writer.stop()).toBeGreaterThan(10)
  expect(await indexNames(database)).toContain('task_origin_idx')
})

test('an index that was cut short is made anew', async () => {
  const database = await withTasks(10)
  await database.query(`
    create index task_origin_idx on monitor.task (origin);
    update pg_index set indisvalid = false where indexrelid = 'monitor.task_origin_idx'::regclass`)
  await migrateLater(database)
  const [index] = await database.query<{ valid: boolean; definition: string }>(
    `select indisvalid as valid, pg_get_indexdef(indexrelid) as definition
     from pg_index where indexrelid = 'monitor.task_origin_idx'::regclass`,
  )
  expect(index).toMatchObject({ valid: true, definition: expect.stringContaining('WHERE') })
})

test.each(['all', 'each', 'none'] as const)(
  'a later migration runs after the baseline with transaction mode %s, and ours are undone without it',
  async (transaction) => {
    const database = await withTasks(10)
    expect(await migrateLater(database, transaction)).toEqual(['IndexOrigin1900000000000'])
    const status = await migrationStatus(database)
    expect(status.every(({ appliedAt }) => appliedAt !== null)).toBe(true)
    await database.query(`delete from ${MIGRATIONS_TABLE} where timestamp >= 1900000000000`)
    expect(await migrateDown(database, { steps: 100 })).toHaveLength(migrations.length)
  },
)

/** Runs what a later release would: all migrations of this one, and the one above. */
async function migrateLater(
  database: Database,
  transaction: 'all' | 'each' | 'none' = 'each',
): Promise<string[]> {
  const source: DataSource = await typeormSource(database.url, {
    migrations: [...migrations, IndexOrigin1900000000000],
  })
  await source.initialize()
  onTestFinished(() => source.destroy())
  return (await source.runMigrations({ transaction })).map(({ name }) => name)
}

async function withTasks(count: number): Promise<Database> {
  const database = await openDatabase({ url: await migratedDatabase() })
  onTestFinished(() => database.close())
  await database.query(
    `insert into monitor.task (task_id, root_id, name, origin, args, kwargs, published_at)
     select 'task-' || i, 'task-' || i, 'export.pdf', 'gen1@web', to_jsonb(array[i]), jsonb_build_object('slug', 'project-' || i), now()
     from generate_series(1, $1::integer) i`,
    [count],
  )
  return database
}

/** Adds one task after the other until it is stopped; a lock held for long would be an error. */
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
