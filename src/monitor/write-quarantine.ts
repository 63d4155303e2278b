import { bytea, digest, jsonb, text, timeMs } from '../database/copy/copy-columns.ts'
import type { Transaction } from '../database/database.ts'
import { alteredText } from './mirror/message-entry.ts'
import type { Ingested, Unreadable } from './recording/ingested.ts'
import { Stage } from './stored/stage.ts'

export function isUnreadable(one: Ingested): one is Unreadable {
  return one.problem !== null && one.message !== null
}

/**
 * Keeps what could not be read, whole and with the reason; a copy of what is there already changes nothing. Rows are locked in
 * the order of their digests.
 */
export async function writeQuarantine(
  connection: Transaction,
  unreadable: readonly Unreadable[],
): Promise<void> {
  await STAGE.write(connection, unreadable, INSERT)
}

const STAGE = new Stage<Unreadable>('quarantine', [
  timeMs('received_at', ({ message }) => message.receivedAtMs),
  text('queue', ({ delivery }) => delivery.queue),
  text('exchange', ({ message }) => message.exchange),
  text('routing_key', ({ message }) => message.routingKey),
  jsonb('properties', ({ message }) => message.properties),
  jsonb('headers', ({ message }) => message.headers),
  bytea('body', ({ message }) => message.body),
  text('code', ({ problem }) => problem.code),
  text('reason', ({ problem }) => problem.reason),
  text('task_id', ({ taskId }) => taskId),
  digest('digest', ({ message }) => message.digest),
  jsonb('altered', ({ message }) => alteredText(message)),
])

const INSERT = `
  INSERT INTO monitor.quarantine
    (received_at, queue, exchange, routing_key, properties, headers, body, code, reason, task_id, digest, altered)
  SELECT received_at, queue, exchange, routing_key, properties, headers, body, code, reason, task_id, digest, altered
  FROM ${STAGE.table}
  ORDER BY digest
  ON CONFLICT (digest) DO NOTHING`
