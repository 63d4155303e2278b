import type { Connection } from '../database/database.ts'
import type { Told } from './events/told.ts'
import type { Taken } from './intake/taken.ts'
import { alteredText, type MessageEntry } from './mirror/message-entry.ts'
import type { Mirrored, Problem } from './mirror/mirrored.ts'
import { byteColumn, type Column, columnParameters, rowsFrom } from './stored/sql-columns.ts'

/** The whole message, and why it could not be read, or not all of it. */
export type Unreadable = (Mirrored | Told) & {
  readonly message: MessageEntry
  readonly problem: Problem
}

export function isUnreadable(one: Taken): one is Unreadable {
  return one.problem !== null && one.message !== null
}

/** Keeps what could not be read, whole and with the reason; a copy of what is there already changes nothing. */
export async function writeQuarantine(
  connection: Connection,
  unreadable: readonly Unreadable[],
): Promise<void> {
  const batch = unreadable.toSorted((one, other) =>
    one.message.digest < other.message.digest ? -1 : 1,
  )
  const body = byteColumn(batch.map(({ message }) => message.body))
  const columns: Column[] = [
    { cells: batch.map(({ message }) => message.receivedAtMs) },
    { cells: batch.map(({ delivery }) => delivery.queue), isText: true },
    { cells: batch.map(({ message }) => message.exchange), isText: true },
    { cells: batch.map(({ message }) => message.routingKey), isText: true },
    { cells: batch.map(({ message }) => message.properties) },
    { cells: batch.map(({ message }) => message.headers) },
    { cells: batch.map(({ problem }) => problem.code), isText: true },
    { cells: batch.map(({ problem }) => problem.reason), isText: true },
    { cells: batch.map(({ taskId }) => taskId), isText: true },
    { cells: batch.map(({ message }) => message.digest) },
    { cells: batch.map(({ message }) => alteredText(message)) },
    { cells: body.starts },
    { cells: body.lengths },
  ]
  await connection.query(INSERT, [body.bytes, ...columnParameters(columns)])
}

const COLUMNS = [
  'received_ms',
  'queue',
  'exchange',
  'routing_key',
  'properties',
  'headers',
  'code',
  'reason',
  'task_id',
  'digest',
  'altered',
  'start',
  'length',
]

const INSERT = `
  INSERT INTO monitor.quarantine
    (received_at, queue, exchange, routing_key, properties, headers, body, code, reason, task_id, digest,
    altered)
  SELECT to_timestamp(received_ms::float8 / 1000), queue, coalesce(exchange, ''), coalesce(routing_key, ''),
    properties::jsonb, headers::jsonb, substr($1::bytea, start::integer, length::integer), code, reason, task_id,
    decode(digest, 'hex'),
    altered::jsonb
  FROM ${rowsFrom(COLUMNS, 2)}
  ON CONFLICT (digest) DO NOTHING`
