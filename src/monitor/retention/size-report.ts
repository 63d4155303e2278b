import type { Database } from '../../database/database.ts'

/** How much room something takes. */
export interface TableSize {
  /** "monitor.task", "public.celery_taskmeta"; a partition stands under its table. */
  readonly table: string
  /** The day of a partition, "2026-01-31"; null: no partition of one day. */
  readonly day: string | null
  readonly partitionOf: string | null
  /** As PostgreSQL estimates them; exact where it never has looked. */
  readonly rows: number
  readonly tableBytes: number
  readonly indexBytes: number
  readonly totalBytes: number
  readonly indexes: readonly IndexSize[]
}

export interface IndexSize {
  readonly name: string
  readonly bytes: number
}

/** The tables of the monitor and of Celery's results that the role may read, with partitions and indexes: the largest first. */
export async function sizeReport(database: Database): Promise<TableSize[]> {
  const sizes = await database.query<TableSize>(SIZES)
  const known = await Promise.all(sizes.map((size) => counted(database, size)))
  const wholes = known.filter(({ partitionOf }) => partitionOf === null)
  return wholes
    .map((whole) => withParts(whole, known))
    .toSorted((one, other) => other.whole.totalBytes - one.whole.totalBytes)
    .flatMap(({ whole, parts }) => [whole, ...parts])
}

/** A table that is cut by day has nothing of its own: it is as large as its parts. */
function withParts(whole: TableSize, all: readonly TableSize[]) {
  const parts = all.filter(({ partitionOf }) => partitionOf === whole.table)
  if (parts.length === 0) return { whole, parts }
  const sum = (of: (size: TableSize) => number) =>
    parts.reduce((total, part) => total + of(part), 0)
  return {
    whole: {
      ...whole,
      rows: sum(({ rows }) => rows),
      tableBytes: sum(({ tableBytes }) => tableBytes),
      indexBytes: sum(({ indexBytes }) => indexBytes),
      totalBytes: sum(({ totalBytes }) => totalBytes),
    },
    parts: parts.toSorted((one, other) => (one.table < other.table ? -1 : 1)),
  }
}

/** PostgreSQL says -1 of a table that it has not looked at: it is small, or new. */
async function counted(database: Database, size: TableSize): Promise<TableSize> {
  if (size.rows >= 0) return size
  const [row] = await database.query<{ rows: number }>(`SELECT count(*) AS rows FROM ${size.table}`)
  return { ...size, rows: row?.rows ?? 0 }
}

const SIZES = `
  SELECT
    format('%I.%I', schema.nspname, class.relname) AS table,
    to_char(to_date(substring(class.relname FROM '_([0-9]{8})$'), 'YYYYMMDD'), 'YYYY-MM-DD') AS day,
    (SELECT format('%I.%I', 'monitor', parent.relname) FROM pg_inherits JOIN pg_class AS parent ON parent.oid = inhparent
     WHERE inhrelid = class.oid) AS "partitionOf",
    CASE class.relkind WHEN 'p' THEN 0 ELSE class.reltuples::bigint END AS rows,
    pg_table_size(class.oid) AS "tableBytes",
    pg_indexes_size(class.oid) AS "indexBytes",
    pg_total_relation_size(class.oid) AS "totalBytes",
    coalesce((
      SELECT jsonb_agg(jsonb_build_object('name', one.relname, 'bytes', pg_relation_size(one.oid))
        ORDER BY pg_relation_size(one.oid) DESC, one.relname)
      FROM pg_index JOIN pg_class AS one ON one.oid = indexrelid
      WHERE indrelid = class.oid AND one.relkind = 'i'), '[]') AS indexes
  FROM pg_class AS class JOIN pg_namespace AS schema ON schema.oid = class.relnamespace
  WHERE class.relkind IN ('r', 'p') AND has_table_privilege(class.oid, 'SELECT')
    AND (schema.nspname = 'monitor' OR (schema.nspname = 'public' AND class.relname LIKE 'celery\\_%'))`
