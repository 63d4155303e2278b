import { asBehind } from '../database/behind.ts'
import type { Connection, Database } from '../database/database.ts'
import { exactText } from '../database/stored-headers.ts'
import { amqpProperties } from '../protocol/amqp-properties.ts'
import type { Message } from '../protocol/message.ts'
import { withEta } from '../protocol/tasks/message-eta.ts'
import {
  HELD_COLUMNS,
  type HeldMessage,
  type HeldRow,
  heldMessages,
  type WaitingMessage,
} from './held-messages.ts'

/** The channel on which the vault says that something is due soon; its payload is empty. */
export const VAULT_CHANNEL = 'celery_toolbox_scheduled'

/** The header that says how often a message was changed while it waited: of two with one id, which is the later. */
const CHANGES_HEADER = 'celery_toolbox_changes'

/** How often a message was changed while it waited. */
export function changesOf({ headers }: Pick<Message, 'headers'>): number {
  const changes = Number(headers[CHANGES_HEADER] ?? 0)
  return Number.isSafeInteger(changes) && changes > 0 ? changes : 0
}

/**
 * Messages that wait for their eta in monitor.scheduled: any number, years ahead, exact to the byte, to be cancelled
 * and changed while they wait. What is due is published by a `VaultDispatcher`, of which any number may run.
 */
export class Vault {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Resolves once it is committed; what waited under the same id gives way. Throws `DatabaseError`. */
  async hold(waiting: WaitingMessage): Promise<void> {
    try {
      await this.#database.query(HOLD, columnsOf(waiting))
    } catch (cause) {
      throw asBehind(cause, { table: 'monitor.scheduled', safeUrl: this.#database.safeUrl })
    }
  }

  async find(taskId: string): Promise<HeldMessage | undefined> {
    const rows = await this.#database.query<HeldRow>(`${SELECT} WHERE task_id = $1`, [taskId])
    const [held] = await heldMessages(this.#database, rows)
    return held
  }

  /** The next that are due, in order. */
  async list(
    options: { readonly limit?: number; readonly name?: string } = {},
  ): Promise<HeldMessage[]> {
    const { limit = 100, name = null } = options
    const rows = await this.#database.query<HeldRow>(
      `${SELECT} WHERE $2::text IS NULL OR name = $2 ORDER BY due_at, task_id LIMIT $1`,
      [limit, name],
    )
    return await heldMessages(this.#database, rows)
  }

  async size(): Promise<number> {
    const [row] = await this.#database.query<{ waiting: number }>(
      'SELECT count(*) AS waiting FROM monitor.scheduled',
    )
    return Number(row?.waiting ?? 0)
  }

  /** Takes them out, so that they are never published; resolves with the ids of those that were still there. */
  async cancel(taskIds: readonly string[]): Promise<string[]> {
    const rows = await this.#database.query<{ task_id: string }>(CANCEL, [taskIds])
    return rows.map(({ task_id }) => task_id)
  }

  /**
   * Changes what waits, if it still does; resolves with what waits then. With another `dueAt` its eta changes too.
   * Throws `ProtocolError` where that is in a body that cannot be read.
   */
  async change(
    taskId: string,
    change: (held: HeldMessage) => WaitingMessage | Promise<WaitingMessage>,
  ): Promise<HeldMessage | undefined> {
    return await this.#database.transaction(async (connection) => {
      const held = await lockedRow(connection, taskId)
      if (held === undefined) return undefined
      const changed = inStep(await change(held), held)
      await connection.query(HOLD, columnsOf(countedUp(changed, changesOf(held.message))))
      return await lockedRow(connection, taskId)
    })
  }
}

async function lockedRow(connection: Connection, taskId: string): Promise<HeldMessage | undefined> {
  const rows = await connection.query<HeldRow>(`${SELECT} WHERE task_id = $1 FOR UPDATE`, [taskId])
  const [held] = await heldMessages(connection, rows)
  return held
}

const SELECT = `SELECT ${HELD_COLUMNS} FROM monitor.scheduled`

function countedUp(changed: WaitingMessage, changes: number): WaitingMessage {
  const { message } = changed
  const headers = { ...message.headers, [CHANGES_HEADER]: changes + 1 }
  return { ...changed, message: { ...message, headers } }
}

/** A worker would wait for the eta that the message names. */
function inStep(changed: WaitingMessage, held: HeldMessage): WaitingMessage {
  if (changed.dueAt.getTime() === held.dueAt.getTime()) return changed
  return { ...changed, message: withEta(changed.message, changed.dueAt) }
}

function columnsOf({
  taskId,
  name,
  dueAt,
  message,
  route,
  isNoTask = false,
}: WaitingMessage): readonly unknown[] {
  return [
    taskId,
    name,
    dueAt,
    route.exchange,
    route.routingKey,
    exactText(amqpProperties(message.properties)),
    exactText(message.headers),
    message.body,
    isNoTask,
  ]
}

/** Those of the ids $1 that wait, locked in one order: two that cancel the same tasks at once do not deadlock. */
export const WAITING_SQL = `
  SELECT task_id FROM monitor.scheduled WHERE task_id = ANY($1) ORDER BY task_id COLLATE "C" FOR UPDATE`

const CANCEL = `
  WITH waiting AS MATERIALIZED (${WAITING_SQL})
  DELETE FROM monitor.scheduled USING waiting WHERE scheduled.task_id = waiting.task_id
  RETURNING scheduled.task_id`

/** Dispatchers look every few seconds anyway, so only what is due before is worth a word. */
const HOLD = `
  WITH held AS (
    INSERT INTO monitor.scheduled
      (task_id, name, due_at, next_at, exchange, routing_key, properties, headers, body, recorded_at)
    VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, CASE WHEN $9::bool THEN now() END)
    ON CONFLICT (task_id) DO UPDATE SET
      name = excluded.name, due_at = excluded.due_at, next_at = excluded.next_at, exchange = excluded.exchange,
      routing_key = excluded.routing_key, properties = excluded.properties, headers = excluded.headers,
      body = excluded.body, recorded_at = excluded.recorded_at, problem = NULL, refused_at = NULL
    RETURNING next_at
  )
  SELECT pg_notify('${VAULT_CHANNEL}', '') FROM held WHERE next_at < now() + interval '10 seconds'`
