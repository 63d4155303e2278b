import type { Connection } from '../../database/database.ts'
import { byteColumn, type Column, columnParameters, rowsFrom } from '../stored/sql-columns.ts'
import { alteredText } from './message-entry.ts'
import type { Mirrored } from './mirrored.ts'

const DAY_MS = 86_400_000

/**
 * Adds what was read to monitor.message, except copies of what is there already. Monitors that have copies of the same
 * messages at the same time meet in the order of digests, so that none waits for another that waits for it.
 */
export async function writeMessages(
  connection: Connection,
  batch: readonly Mirrored[],
): Promise<void> {
  const sorted = batch.toSorted(byDigest)
  for (const [day, rows] of byDay(sorted)) {
    const sql = rows.some(({ delivery }) => delivery.redelivered) ? INSERT_NEW : INSERT
    await connection.query(sql, [day, ...parametersOf(rows)])
  }
}

/** A batch is of two days only at midnight. */
function byDay(batch: readonly Mirrored[]): Map<string, Mirrored[]> {
  const days = new Map<number, Mirrored[]>()
  for (const one of batch) {
    const day = Math.floor(one.message.receivedAtMs / DAY_MS)
    const rows = days.get(day)
    if (rows === undefined) days.set(day, [one])
    else rows.push(one)
  }
  const inOrder = [...days].sort(([one], [other]) => one - other)
  return new Map(
    inOrder.map(([day, rows]) => [new Date(day * DAY_MS).toISOString().slice(0, 10), rows]),
  )
}

function byDigest({ message: one }: Mirrored, { message: other }: Mirrored): number {
  return one.digest < other.digest ? -1 : 1
}

function parametersOf(batch: readonly Mirrored[]): unknown[] {
  const body = byteColumn(batch.map(({ message }) => message.body))
  const columns: Column[] = [
    { cells: batch.map(({ message }) => message.receivedAtMs) },
    { cells: batch.map(({ taskId }) => taskId), isText: true },
    { cells: batch.map(({ message }) => message.exchange), isText: true },
    { cells: batch.map(({ message }) => message.routingKey), isText: true },
    { cells: batch.map(({ queue }) => queue), isText: true },
    { cells: batch.map(({ message }) => message.properties) },
    { cells: batch.map(({ message }) => message.headers) },
    { cells: batch.map(({ message }) => message.digest) },
    { cells: batch.map(({ message }) => alteredText(message)) },
    { cells: body.starts },
    { cells: body.lengths },
  ]
  return [body.bytes, ...columnParameters(columns)]
}

const COLUMNS = [
  'received_ms',
  'task_id',
  'exchange',
  'routing_key',
  'queue',
  'properties',
  'headers',
  'digest',
  'altered',
  'start',
  'length',
]

// A text that is empty as a whole is cut into no values at all: hence the coalesce.
const NEW_ROWS = `
  INSERT INTO monitor.message
    (day, received_at, task_id, exchange, routing_key, queue, properties, headers, body, digest,
    altered)
  SELECT $1::date, to_timestamp(received_ms::float8 / 1000), task_id, coalesce(exchange, ''), coalesce(routing_key, ''),
    queue, properties::jsonb, headers::jsonb, substr($2::bytea, start::integer, length::integer), decode(digest, 'hex'),
    altered::jsonb
  FROM ${rowsFrom(COLUMNS, 3)}`

/** A message that was published twice around midnight, as when its confirm was lost, is one message still. */
const INSERT = `${NEW_ROWS}
  WHERE NOT EXISTS (
    SELECT FROM monitor.message AS known
    WHERE known.day = $1::date - 1 AND known.digest = decode(new.digest, 'hex')
  )
  ON CONFLICT (day, digest) DO NOTHING`

/** What is delivered again may have been recorded on any day: its ack was lost, and the monitor was away since. */
const INSERT_NEW = `${NEW_ROWS}
  WHERE NOT EXISTS (
    SELECT FROM monitor.message AS known
    WHERE known.task_id = new.task_id AND known.digest = decode(new.digest, 'hex') AND known.day <> $1::date
  )
  ON CONFLICT (day, digest) DO NOTHING`
