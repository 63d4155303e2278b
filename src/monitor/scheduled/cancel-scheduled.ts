import type { Database } from '../../database/database.ts'
import { WAITING_SQL } from '../../schedule/vault.ts'

/**
 * Takes tasks out of the vault, so that they are never published, and makes them REVOKED in the record, in one
 * transaction. Resolves with the ids of those that still waited.
 */
export async function cancelScheduled(
  database: Database,
  taskIds: readonly string[],
): Promise<string[]> {
  const rows = await database.query<{ task_id: string }>(CANCEL, [taskIds])
  return rows.map(({ task_id }) => task_id)
}

/** One statement, so one transaction. What the monitor has not recorded yet gets the row that it would have made. */
const CANCEL = `
  WITH waiting AS MATERIALIZED (${WAITING_SQL}), cancelled AS (
    DELETE FROM monitor.scheduled USING waiting WHERE scheduled.task_id = waiting.task_id
    RETURNING scheduled.task_id, name, held_at
  ), recorded AS (
    INSERT INTO monitor.task AS kept (task_id, name, state, state_at, published_at, finished_at, exception)
    SELECT task_id, name, 'REVOKED', now(), held_at, now(), 'TaskRevokedError: revoked' FROM cancelled
    ORDER BY task_id COLLATE "C"
    ON CONFLICT (task_id) DO UPDATE SET
      state = excluded.state, state_at = excluded.state_at, finished_at = excluded.finished_at,
      exception = excluded.exception, updated_at = now()
    WHERE monitor.state_class(kept.state) < 2
  )
  SELECT task_id FROM cancelled`
