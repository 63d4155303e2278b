import { bigint, digest, jsonb, text, timeMs } from '../../database/copy/copy-columns.ts'
import type { Transaction } from '../../database/database.ts'
import { Stage } from '../stored/stage.ts'
import type { EventEntry } from './event-entry.ts'

/** Adds events to monitor.event, except those that are there already. Rows are locked in the order of their digests. */
export async function writeEvents(
  connection: Transaction,
  events: readonly EventEntry[],
): Promise<void> {
  await STAGE.write(connection, events, INSERT)
}

const STAGE = new Stage<EventEntry>('event', [
  timeMs('happened_at', ({ happenedAtMs }) => happenedAtMs),
  text('type', ({ type }) => type),
  text('hostname', ({ hostname }) => hostname),
  bigint('clock', ({ clock }) => clock),
  text('task_id', ({ taskId }) => taskId),
  jsonb('fields', ({ fields }) => fields),
  digest('digest', ({ digest }) => digest),
])

const INSERT = `
  INSERT INTO monitor.event (day, happened_at, type, hostname, clock, task_id, fields, digest)
  SELECT (happened_at AT TIME ZONE 'UTC')::date, happened_at, type, hostname, clock, task_id, fields, digest
  FROM ${STAGE.table}
  ORDER BY digest
  ON CONFLICT (day, digest) DO NOTHING`
