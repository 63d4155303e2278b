import type { Delivery } from '../../brokers/broker.ts'
import type { Connection } from '../../database/database.ts'
import { BODY_COLUMNS, type BodyColumns, withBodies } from '../../database/long-bodies.ts'
import { readExactText } from '../../database/stored-headers.ts'
import { propertiesOf } from '../../protocol/amqp-properties.ts'
import type { Message } from '../../protocol/message.ts'
import type { Altered } from '../privacy/privacy.ts'

/** A row of monitor.quarantine, headers and properties as text: JavaScript's own JSON would lose digits. */
export interface KeptRow {
  readonly id: number
  readonly received_at: Date
  /** The same in milliseconds, to the microsecond, which a Date does not have. */
  readonly received_at_ms: number
  readonly queue: string | null
  readonly exchange: string | null
  readonly routing_key: string | null
  readonly properties: string | null
  readonly headers: string | null
  readonly body: Buffer
  readonly code: string
  readonly reason: string
  readonly task_id: string | null
  readonly resolved_at: Date | null
  readonly altered: Altered | null
  /** In hex. */
  readonly digest: string | null
}

export const KEPT_COLUMNS = `id, received_at,
  (extract(epoch FROM received_at) * 1000)::float8 AS received_at_ms, queue, exchange, routing_key, properties::text, headers::text,
  code, reason, task_id, resolved_at, altered, encode(digest, 'hex') AS digest, ${BODY_COLUMNS}`

export type KeptColumns = Omit<KeptRow, 'body'> & BodyColumns

/** The rows with their whole bodies; without those that are gone by now. */
export async function keptRows(
  connection: Connection,
  found: readonly KeptColumns[],
): Promise<KeptRow[]> {
  return await withBodies(connection, found, ({ id: value }) => ({
    table: 'monitor.quarantine',
    column: 'id',
    value,
  }))
}

/** The message as it came. */
export function keptMessage({ headers, properties, body }: KeptRow): Message {
  return {
    headers: readExactText(headers ?? '{}'),
    properties: propertiesOf(readExactText(properties ?? '{}')),
    body,
  }
}

/** As if the broker delivered it once more; there is nothing to settle. */
export function keptDelivery(row: KeptRow): Delivery {
  return {
    message: keptMessage(row),
    queue: row.queue ?? '',
    route: { exchange: row.exchange ?? '', routingKey: row.routing_key ?? '' },
    attempt: 2,
    redelivered: true,
    isSettled: true,
    isLost: false,
    lost: new AbortController().signal,
    ack: settled,
    requeue: settled,
    reject: settled,
    extend: settled,
  }
}

async function settled(): Promise<void> {
  // It was acknowledged when it went to the quarantine.
}
