import type { Connection } from '../../database/database.ts'
import { MonitorError } from '../../errors.ts'
import type { Message, Route } from '../../protocol/message.ts'
import type { QuarantineRow } from '../entities/quarantine.ts'
import type { Altered } from '../privacy/privacy.ts'
import { KEPT_COLUMNS, type KeptColumns, keptMessage, keptRows } from './kept-message.ts'

export interface QuarantineFilters {
  /** As docs/errors.md explains it: MESSAGE_UNDECODABLE, CONTENT_DISALLOWED, … */
  readonly code?: string
  /** Also what was resolved. Default false. */
  readonly withResolved?: boolean
  /** Default 50. */
  readonly limit?: number
}

/** A message in quarantine, without its body, which may be long. */
export type ListedMessage = Pick<
  QuarantineRow,
  | 'id'
  | 'receivedAt'
  | 'queue'
  | 'exchange'
  | 'routingKey'
  | 'code'
  | 'reason'
  | 'taskId'
  | 'resolvedAt'
> & { readonly bodyBytes: number }

/** What is in quarantine, the latest first. */
export async function listQuarantine(
  database: Connection,
  { code, withResolved = false, limit = 50 }: QuarantineFilters = {},
): Promise<ListedMessage[]> {
  return await database.query<ListedMessage>(
    `SELECT id, received_at AS "receivedAt", queue, exchange, routing_key AS "routingKey", code, reason,
       task_id AS "taskId", resolved_at AS "resolvedAt", octet_length(body) AS "bodyBytes"
     FROM monitor.quarantine
     WHERE ($1::boolean OR resolved_at IS NULL) AND ($2::text IS NULL OR code = $2)
     ORDER BY received_at DESC, id DESC
     LIMIT $3`,
    [withResolved, code ?? null, limit],
  )
}

export interface ShownQuarantine extends ListedMessage {
  readonly message: Message
  readonly route: Route
  readonly altered: Altered | null
}

/** One message in quarantine, whole; throws `MonitorError` QUARANTINE_UNKNOWN. */
export async function showQuarantine(database: Connection, id: number): Promise<ShownQuarantine> {
  const found = await database.query<KeptColumns>(
    `SELECT ${KEPT_COLUMNS} FROM monitor.quarantine WHERE id = $1`,
    [id],
  )
  const [row] = await keptRows(database, found)
  if (row === undefined)
    throw new MonitorError(
      'QUARANTINE_UNKNOWN',
      `no message in quarantine has the id ${id}; "quarantine list --all" lists them`,
    )
  const { exchange, routing_key: routingKey } = row
  return {
    id: row.id,
    receivedAt: row.received_at,
    queue: row.queue,
    exchange,
    routingKey,
    code: row.code,
    reason: row.reason,
    taskId: row.task_id,
    resolvedAt: row.resolved_at,
    bodyBytes: row.body.length,
    message: keptMessage(row),
    route: { exchange: exchange ?? '', routingKey: routingKey ?? '' },
    altered: row.altered,
  }
}
