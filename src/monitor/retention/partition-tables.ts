import type { Connection, Database } from '../../database/database.ts'

/** A table that is cut by day. */
export type Partitioned = 'message' | 'event'

/** The partition of one day. */
export interface Partition {
  readonly name: string
  /** "2026-01-31" */
  readonly day: string
  /** Only what is kept longer is left in it. */
  readonly isReduced: boolean
}

/** What the comment on a partition says once it was reduced. */
export const REDUCED = 'reduced to what is kept longer'

/** The partitions of the days before, oldest first. */
export async function partitionsBefore(
  database: Connection,
  parent: Partitioned,
  before: Date,
): Promise<Partition[]> {
  return await database.query<Partition>(PARTITIONS, [
    `monitor.${parent}`,
    `^${parent}_[0-9]{8}$`,
    before.toISOString().slice(0, 10),
    REDUCED,
  ])
}

const PARTITIONS = `
  SELECT name, to_char(day, 'YYYY-MM-DD') AS day, is_reduced AS "isReduced"
  FROM (
    SELECT relname AS name, to_date(right(relname, 8), 'YYYYMMDD') AS day,
      obj_description(oid, 'pg_class') IS NOT DISTINCT FROM $4 AS is_reduced
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = $1::regclass AND relname ~ $2
  ) AS partition
  WHERE day < $3::date
  ORDER BY day`

/** Tables that were a partition, or were to become one, when the work was cut short. */
export async function dropLeftovers(database: Database, parent: Partitioned): Promise<void> {
  const left = await database.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'monitor'::regnamespace AND relkind = 'r' AND NOT relispartition AND relname ~ $1`,
    [`^${parent}_[0-9]{8}_(?:old|new)$`],
  )
  for (const { name } of left) await database.query(`DROP TABLE IF EXISTS monitor.${name}`)
}
