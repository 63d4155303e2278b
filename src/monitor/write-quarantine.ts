import type { Connection } from '../database/database.ts'
import type { Mirrored, Problem } from './mirrored.ts'
import { byteColumn, jsonArray, plainArray, textArray } from './sql-columns.ts'

export interface Unreadable extends Mirrored {
  readonly problem: Problem
}

export function isUnreadable(one: Mirrored): one is Unreadable {
  return one.problem !== null
}

/** Keeps what could not be read, whole and with the reason; a copy of what is there already changes nothing. */
export async function writeQuarantine(
  connection: Connection,
  batch: readonly Unreadable[],
): Promise<void> {
  const rows = batch.map(({ message }) => message)
  const body = byteColumn(rows.map((row) => row.body))
  await connection.query(INSERT, [
    plainArray(rows.map((row) => row.receivedAtMs)),
    textArray(batch.map(({ delivery }) => delivery.queue)),
    textArray(rows.map((row) => row.exchange)),
    textArray(rows.map((row) => row.routingKey)),
    jsonArray(rows.map((row) => row.properties)),
    jsonArray(rows.map((row) => row.headers)),
    textArray(batch.map(({ problem }) => problem.code)),
    textArray(batch.map(({ problem }) => problem.reason)),
    textArray(batch.map(({ taskId }) => taskId)),
    body.bytes,
    body.starts,
    body.lengths,
    textArray(rows.map((row) => row.digest.toString('hex'))),
  ])
}

const INSERT = `
  INSERT INTO monitor.quarantine
    (received_at, queue, exchange, routing_key, properties, headers, body, code, reason, task_id, digest)
  SELECT to_timestamp(received_ms / 1000), queue, exchange, routing_key, properties, headers,
    substr($10::bytea, start, length), code, reason, task_id, decode(digest, 'hex')
  FROM ROWS FROM (
    unnest($1::float8[], $2::text[], $3::text[], $4::text[], $7::text[], $8::text[], $9::text[], $11::integer[],
      $12::integer[], $13::text[]),
    jsonb_array_elements($5::jsonb),
    jsonb_array_elements($6::jsonb)
  ) AS new
    (received_ms, queue, exchange, routing_key, code, reason, task_id, start, length, digest, properties, headers)
  ON CONFLICT (digest) DO NOTHING`
