import { setTimeout } from 'node:timers/promises'
import type { MigrationRunner } from './migration.ts'

export interface NewIndex {
  /** In the schema monitor. */
  readonly name: string
  readonly table: string
  /** What follows the table's name in CREATE INDEX. */
  readonly definition: string
}

/**
 * Makes indexes while others write to their table. That cannot be done inside a transaction, so the one that was
 * opened for this migration (by TypeORM perhaps for all of them) is committed before, and a new one is opened for it afterwards. An
 * empty table is locked for no time worth mentioning: its indexes are made as usual.
 */
export async function createIndexes(
  runner: MigrationRunner,
  indexes: readonly NewIndex[],
): Promise<void> {
  const missing: NewIndex[] = []
  for (const index of indexes) {
    if (await isEmpty(runner, index.table)) await runner.query(createIndex(index, ''))
    else missing.push(index)
  }
  if (missing.length > 0) {
    await outsideTransaction(runner, () => createConcurrently(runner, missing))
  }
}

async function isEmpty(runner: MigrationRunner, table: string): Promise<boolean> {
  const rows = await runner.query<unknown[]>(`SELECT FROM monitor.${table} LIMIT 1`)
  return rows.length === 0
}

function createIndex({ name, table, definition }: NewIndex, how: string): string {
  return `CREATE INDEX ${how} IF NOT EXISTS ${name} ON monitor.${table} ${definition}`
}

async function outsideTransaction(
  runner: MigrationRunner,
  work: () => Promise<void>,
): Promise<void> {
  const wasInside = runner.isTransactionActive
  if (wasInside) await runner.commitTransaction()
  try {
    await work()
  } finally {
    if (wasInside) await runner.startTransaction()
  }
}

const LOCK = `hashtext('celery-toolbox indexes')`
const POLL_MS = 100

/** One process at a time. None waits in a statement: PostgreSQL would wait for that one's end, for it may read old rows. */
async function createConcurrently(
  runner: MigrationRunner,
  indexes: readonly NewIndex[],
): Promise<void> {
  while (!(await isTrue(runner, `SELECT pg_try_advisory_lock(${LOCK}) AS answer`))) {
    await setTimeout(POLL_MS)
  }
  try {
    for (const index of indexes) {
      await dropUnfinished(runner, index)
      await runner.query(createIndex(index, 'CONCURRENTLY'))
    }
  } finally {
    await runner.query(`SELECT pg_advisory_unlock(${LOCK})`)
  }
}

/** What an attempt that was cut short has left: an index that is written to, and never read. */
async function dropUnfinished(runner: MigrationRunner, { name }: NewIndex): Promise<void> {
  const isUnfinished = await isTrue(
    runner,
    `SELECT EXISTS (SELECT FROM pg_index
      WHERE indexrelid = to_regclass('monitor.${name}') AND NOT indisvalid) AS answer`,
  )
  if (isUnfinished) await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS monitor.${name}`)
}

async function isTrue(runner: MigrationRunner, sql: string): Promise<boolean> {
  const [row] = await runner.query<{ answer: boolean }[]>(sql)
  return row?.answer === true
}
