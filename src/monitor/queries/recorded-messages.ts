import type { Connection } from '../../database/database.ts'
import { readExactText } from '../../database/stored-headers.ts'
import { propertiesOf } from '../../protocol/amqp-properties.ts'
import type { Message, Route } from '../../protocol/message.ts'
import type { Altered } from '../privacy/privacy.ts'

/** A message as it was published, so that publishing it by its route again gives the same one. */
export interface RecordedMessage {
  readonly message: Message
  readonly route: Route
  readonly receivedAt: Date
  /** Why it could not be read; null where it could. */
  readonly problem: string | null
  /** What of it is not as it was sent; null where all of it is. */
  readonly altered?: Altered | null
}

/** All messages of a task, oldest first; those in quarantine too, unless they were read since. */
export async function recordedMessages(
  database: Connection,
  taskId: string,
): Promise<RecordedMessage[]> {
  const rows = await database.query<MessageColumns>(MESSAGES, [taskId])
  return rows.map((row) => ({
    message: {
      headers: readExactText(row.headers),
      properties: propertiesOf(readExactText(row.properties)),
      body: row.body,
    },
    route: { exchange: row.exchange, routingKey: row.routing_key },
    receivedAt: row.received_at,
    problem: row.reason,
    altered: row.altered,
  }))
}

interface MessageColumns {
  readonly received_at: Date
  readonly exchange: string
  readonly routing_key: string
  readonly properties: string
  readonly headers: string
  readonly body: Buffer
  readonly reason: string | null
  readonly altered: Altered | null
}

// As text: JavaScript's own JSON would lose digits.
const MESSAGES = `
  SELECT received_at, exchange, routing_key, properties::text, headers::text, body, NULL AS reason, altered, id
  FROM monitor.message WHERE task_id = $1
  UNION ALL
  SELECT received_at, exchange, routing_key, properties::text, headers::text, body, reason, altered, id
  FROM monitor.quarantine WHERE task_id = $1 AND resolved_at IS NULL
  ORDER BY received_at, id`
