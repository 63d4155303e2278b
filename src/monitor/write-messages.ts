import type { Connection } from '../database/database.ts'
import { DIGEST_BYTES } from './message-entry.ts'
import type { Mirrored } from './mirrored.ts'
import { byteColumn, jsonArray, plainArray, textArray } from './sql-columns.ts'

const DAY_MS = 86_400_000

/** Adds what was read to monitor.message, except copies of what is there already. */
export async function writeMessages(
  connection: Connection,
  batch: readonly Mirrored[],
): Promise<void> {
  for (const [day, rows] of byDay(batch)) {
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
  return new Map(
    [...days].map(([day, rows]) => [new Date(day * DAY_MS).toISOString().slice(0, 10), rows]),
  )
}

function parametersOf(batch: readonly Mirrored[]): unknown[] {
  const rows = batch.map(({ message }) => message)
  const body = byteColumn(rows.map((row) => row.body))
  return [
    plainArray(rows.map((row) => row.receivedAtMs)),
    textArray(batch.map((one) => one.taskId)),
    textArray(rows.map((row) => row.exchange)),
    textArray(rows.map((row) => row.routingKey)),
    textArray(batch.map((one) => one.queue)),
    jsonArray(rows.map((row) => row.properties)),
    jsonArray(rows.map((row) => row.headers)),
    body.bytes,
    body.starts,
    body.lengths,
    Buffer.concat(rows.map((row) => row.digest)),
  ]
}

const NEW_ROWS = `
  INSERT INTO monitor.message
    (day, received_at, task_id, exchange, routing_key, queue, properties, headers, body, digest)
  SELECT $1::date, to_timestamp(new.received_ms / 1000), new.task_id, new.exchange, new.routing_key, new.queue,
    new.properties, new.headers, substr($9::bytea, new.start, new.length), new.digest
  FROM (
    SELECT *, substr($12::bytea, (place - 1)::integer * ${DIGEST_BYTES} + 1, ${DIGEST_BYTES}) AS digest
    FROM ROWS FROM (
      unnest($2::float8[], $3::text[], $4::text[], $5::text[], $6::text[], $10::integer[], $11::integer[]),
      jsonb_array_elements($7::jsonb),
      jsonb_array_elements($8::jsonb)
    ) WITH ORDINALITY AS rows
      (received_ms, task_id, exchange, routing_key, queue, start, length, properties, headers, place)
  ) AS new`

/** A message that was published twice around midnight, as when its confirm was lost, is one message still. */
const INSERT = `${NEW_ROWS}
  WHERE NOT EXISTS (
    SELECT FROM monitor.message AS known WHERE known.day = $1::date - 1 AND known.digest = new.digest
  )
  ON CONFLICT (day, digest) DO NOTHING`

/** What is delivered again may have been recorded on any day: its ack was lost, and the monitor was away since. */
const INSERT_NEW = `${NEW_ROWS}
  WHERE NOT EXISTS (
    SELECT FROM monitor.message AS known
    WHERE known.task_id = new.task_id AND known.digest = new.digest AND known.day <> $1::date
  )
  ON CONFLICT (day, digest) DO NOTHING`
