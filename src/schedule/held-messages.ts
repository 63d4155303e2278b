import type { Connection } from '../database/database.ts'
import { BODY_COLUMNS, type BodyColumns, withBodies } from '../database/long-bodies.ts'
import { readExactText } from '../database/stored-headers.ts'
import { propertiesOf } from '../protocol/amqp-properties.ts'
import type { Message, Route } from '../protocol/message.ts'

/** A message that waits for its time, and the route it will be published by. */
export interface WaitingMessage {
  readonly taskId: string
  readonly name: string | null
  readonly dueAt: Date
  readonly message: Message
  readonly route: Route
  /** Of the vault's own messages: no task, of which the monitor makes no row. */
  readonly isNoTask?: boolean
}

export interface HeldMessage extends WaitingMessage {
  readonly heldAt: Date
  /** Why the broker has not taken it though it was due; null where nothing is wrong. */
  readonly problem: string | null
  /** When it was tried last; null where nothing is wrong. */
  readonly refusedAt: Date | null
}

/** A row of monitor.scheduled. */
export interface HeldRow extends BodyColumns {
  readonly task_id: string
  readonly name: string | null
  readonly due_at: Date
  readonly exchange: string
  readonly routing_key: string
  readonly properties: string
  readonly headers: string
  readonly held_at: Date
  readonly problem: string | null
  readonly refused_at: Date | null
}

// jsonb as text: JavaScript's own JSON would lose digits.
export const HELD_COLUMNS = `task_id, name, due_at, exchange, routing_key, properties::text, headers::text,
  held_at, problem, refused_at, ${BODY_COLUMNS}`

/** What the rows hold; without those that are gone by now. */
export async function heldMessages(
  connection: Connection,
  rows: readonly HeldRow[],
): Promise<HeldMessage[]> {
  const whole = await withBodies(connection, rows, ({ task_id: value }) => ({
    table: 'monitor.scheduled',
    column: 'task_id',
    value,
  }))
  return whole.map(heldMessage)
}

function heldMessage(row: HeldRow & { readonly body: Buffer }): HeldMessage {
  return {
    taskId: row.task_id,
    name: row.name,
    dueAt: row.due_at,
    message: {
      headers: readExactText(row.headers),
      properties: propertiesOf(readExactText(row.properties)),
      body: row.body,
    },
    route: { exchange: row.exchange, routingKey: row.routing_key },
    heldAt: row.held_at,
    problem: row.problem,
    refusedAt: row.refused_at,
  }
}
