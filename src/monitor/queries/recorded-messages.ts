import type { Connection } from '../../database/database.ts'
import {
  BODY_COLUMNS,
  type BodyColumns,
  type BodyPlace,
  withBodies,
} from '../../database/long-bodies.ts'
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

/** All messages of a task, oldest first; those in quarantine too, unless they were read since. Their bodies come one after the other. */
export async function recordedMessages(
  database: Connection,
  taskId: string,
): Promise<RecordedMessage[]> {
  const rows = await withBodies(database, await rowsOf(database, taskId), placeOf)
  return rows.map((row) => recorded(row, row.body))
}

/** The first of them in this order, which looks at no body: no other body is read. */
export async function firstRecorded(
  database: Connection,
  taskId: string,
  order: (one: Message, other: Message) => number,
): Promise<RecordedMessage | undefined> {
  const rows = await rowsOf(database, taskId)
  const [first] = rows
    .map((row) => ({ row, message: recorded(row, NO_BODY).message }))
    .toSorted((one, other) => order(one.message, other.message))
  if (first === undefined) return undefined
  const [whole] = await withBodies(database, [first.row], placeOf)
  return whole === undefined ? undefined : recorded(whole, whole.body)
}

const NO_BODY = Buffer.alloc(0)

async function rowsOf(database: Connection, taskId: string): Promise<MessageColumns[]> {
  return await database.query<MessageColumns>(MESSAGES, [taskId])
}

function recorded(row: MessageColumns, body: Buffer): RecordedMessage {
  return {
    message: {
      headers: readExactText(row.headers),
      properties: propertiesOf(readExactText(row.properties)),
      body,
    },
    route: { exchange: row.exchange, routingKey: row.routing_key },
    receivedAt: row.received_at,
    problem: row.reason,
    altered: row.altered,
  }
}

/** A message is found by its day and its number. */
function placeOf({ day, id }: MessageColumns): BodyPlace {
  return day === null
    ? { table: 'monitor.quarantine', column: 'id', value: id }
    : { table: 'monitor.message', column: `day = '${day}' AND id`, value: id }
}

interface MessageColumns extends BodyColumns {
  readonly id: string
  /** Null of one in quarantine. */
  readonly day: string | null
  readonly received_at: Date
  readonly exchange: string
  readonly routing_key: string
  readonly properties: string
  readonly headers: string
  readonly reason: string | null
  readonly altered: Altered | null
}

// As text: JavaScript's own JSON would lose digits.
const COLUMNS = `id, received_at, exchange, routing_key, properties::text, headers::text, altered, ${BODY_COLUMNS}`
const MESSAGES = `
  SELECT ${COLUMNS}, NULL AS reason, day::text AS day FROM monitor.message WHERE task_id = $1
  UNION ALL
  SELECT ${COLUMNS}, reason, NULL AS day FROM monitor.quarantine WHERE task_id = $1 AND resolved_at IS NULL
  ORDER BY received_at, id`
