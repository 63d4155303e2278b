import type { Connection } from '../../database/database.ts'
import type { QuarantineRow } from '../entities/quarantine.ts'

/** A message in quarantine, without its body, which may be long. */
export type Quarantined = Pick<
  QuarantineRow,
  'id' | 'receivedAt' | 'queue' | 'exchange' | 'routingKey' | 'code' | 'reason' | 'taskId'
> & { readonly bodyBytes: number }

/** What could not be read and is not resolved, the latest first. */
export async function quarantined(database: Connection, limit = 50): Promise<Quarantined[]> {
  return await database.query<Quarantined>(
    `SELECT id::double precision, received_at AS "receivedAt", queue, exchange, routing_key AS "routingKey", code, reason,
       task_id AS "taskId", octet_length(body) AS "bodyBytes"
     FROM monitor.quarantine
     WHERE resolved_at IS NULL
     ORDER BY received_at DESC, id DESC
     LIMIT $1`,
    [limit],
  )
}
