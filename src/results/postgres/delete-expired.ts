import type { Database } from '../../database/database.ts'
import { writeFailureOf } from './saving/write-failure.ts'
import { DELETE_OLD_CHORDS_SQL } from './tables/chord-sql.ts'
import type { TaskmetaTables } from './tables/taskmeta-sql.ts'

/** So few at a time that other statements do not wait long for a row. */
const BATCH = 1000

/** Deletes results, groups and chords older than that; says how many results and groups went. */
export async function deleteExpired(
  database: Database,
  tables: TaskmetaTables,
  expiresMs: number,
): Promise<number> {
  const before = new Date(Date.now() - expiresMs)
  const results = await deleteInBatches(database, expiredRows(tables.task), before)
  const groups = await deleteInBatches(database, expiredRows(tables.group), before)
  await deleteInBatches(database, DELETE_OLD_CHORDS_SQL, before)
  return results + groups
}

/** date_done is a time without a zone, in UTC. */
function expiredRows(table: string): string {
  return `
    delete from ${table} where id in (
      select id from ${table} where date_done < $1::timestamptz at time zone 'UTC'
      order by date_done limit $2 for update skip locked
    ) returning id`
}

async function deleteInBatches(database: Database, sql: string, before: Date): Promise<number> {
  for (let deleted = 0; ; ) {
    const rows = await rowsOf(database, sql, [before, BATCH])
    deleted += rows.length
    if (rows.length < BATCH) return deleted
  }
}

async function rowsOf(
  database: Database,
  sql: string,
  parameters: readonly unknown[],
): Promise<readonly object[]> {
  try {
    return await database.query<object>(sql, parameters)
  } catch (error) {
    // A table that is not there yet has nothing to delete.
    if (writeFailureOf(error) === 'altered') return []
    throw error
  }
}
