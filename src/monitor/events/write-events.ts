import type { Connection } from '../../database/database.ts'
import { columnParameters, rowsFrom } from '../stored/sql-columns.ts'
import type { EventEntry } from './event-entry.ts'

/** Adds events to monitor.event, except those that are there already, in the order of their digests. */
export async function writeEvents(
  connection: Connection,
  events: readonly EventEntry[],
): Promise<void> {
  const sorted = events.toSorted((one, other) => (one.digest < other.digest ? -1 : 1))
  const parameters = columnParameters([
    { cells: sorted.map(({ happenedAtMs }) => happenedAtMs) },
    { cells: sorted.map(({ type }) => type), isText: true },
    { cells: sorted.map(({ hostname }) => hostname), isText: true },
    { cells: sorted.map(({ clock }) => clock) },
    { cells: sorted.map(({ taskId }) => taskId), isText: true },
    { cells: sorted.map(({ fields }) => fields) },
    { cells: sorted.map(({ digest }) => digest) },
  ])
  await connection.query(INSERT, parameters)
}

const COLUMNS = ['happened_ms', 'type', 'hostname', 'clock', 'task_id', 'fields', 'digest']

const INSERT = `
  INSERT INTO monitor.event (day, happened_at, type, hostname, clock, task_id, fields, digest)
  SELECT (at AT TIME ZONE 'UTC')::date, at, type, hostname, clock::bigint, task_id, fields::jsonb, decode(digest, 'hex')
  FROM ${rowsFrom(COLUMNS)}, LATERAL (SELECT to_timestamp(happened_ms::float8 / 1000) AS at) AS happened
  ON CONFLICT (day, digest) DO NOTHING`
