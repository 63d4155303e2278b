import { bytea, digest, integer, jsonb, text, timeMs } from '../../database/copy/copy-columns.ts'
import type { Transaction } from '../../database/database.ts'
import { Stage } from '../stored/stage.ts'
import { alteredText } from './message-entry.ts'
import type { MirrorRecord } from './types.ts'

const DAY_MS = 86_400_000

/**
 * Adds what was read to monitor.message, except copies of what is there already. Monitors that have copies of the same
 * messages at the same time lock their rows in the order of digests, so that they cannot deadlock.
 */
export async function writeMessages(
  connection: Transaction,
  batch: readonly MirrorRecord[],
): Promise<void> {
  await STAGE.fill(connection, batch)
  for (const [day, rows] of byDay(batch)) {
    const sql = rows.some(({ delivery }) => delivery.redelivered) ? INSERT_NEW : INSERT
    await connection.query(sql, [day, dateOf(day)])
  }
}

/** A batch is of two days only at midnight. */
function byDay(batch: readonly MirrorRecord[]): [day: number, rows: MirrorRecord[]][] {
  const days = new Map<number, MirrorRecord[]>()
  for (const one of batch) {
    const day = dayOf(one)
    const rows = days.get(day)
    if (rows === undefined) days.set(day, [one])
    else rows.push(one)
  }
  return [...days].sort(([one], [other]) => one - other)
}

/** Days since 1970. */
function dayOf({ message }: MirrorRecord): number {
  return Math.floor(message.receivedAtMs / DAY_MS)
}

function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

const STAGE = new Stage<MirrorRecord>('message', [
  integer('day', dayOf),
  timeMs('received_at', ({ message }) => message.receivedAtMs),
  text('task_id', ({ taskId }) => taskId),
  text('exchange', ({ message }) => message.exchange),
  text('routing_key', ({ message }) => message.routingKey),
  text('queue', ({ queue }) => queue),
  jsonb('properties', ({ message }) => message.properties),
  jsonb('headers', ({ message }) => message.headers),
  bytea('body', ({ message }) => message.body),
  digest('digest', ({ message }) => message.digest),
  jsonb('altered', ({ message }) => alteredText(message)),
])

const SAME =
  'received_at, task_id, exchange, routing_key, queue, properties, headers, body, digest, altered'

const NEW_ROWS = `
  INSERT INTO monitor.message (day, ${SAME})
  SELECT $2::date, ${SAME} FROM ${STAGE.table} AS new
  WHERE new.day = $1`

/** A message that was published twice around midnight, as when its confirm was lost, is one message still. */
const INSERT = `${NEW_ROWS}
  AND NOT EXISTS (
    SELECT FROM monitor.message AS known
    WHERE known.day = $2::date - 1 AND known.digest = new.digest
  )
  ORDER BY new.digest
  ON CONFLICT (day, digest) DO NOTHING`

/** What is delivered again may have been recorded on any day: its ack was lost, and the monitor was away since. */
const INSERT_NEW = `${NEW_ROWS}
  AND NOT EXISTS (
    SELECT FROM monitor.message AS known
    WHERE known.task_id = new.task_id AND known.digest = new.digest AND known.day <> $2::date
  )
  ORDER BY new.digest
  ON CONFLICT (day, digest) DO NOTHING`
