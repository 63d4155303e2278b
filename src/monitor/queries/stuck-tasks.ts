import type { Connection } from '../../database/database.ts'
import { SUMMARY, type TaskSummary } from './history-columns.ts'

export type StuckTask = TaskSummary & {
  /** Why it is as it is, in words. */
  readonly reason: string | null
}

export interface StuckOptions {
  /** Due for at least so long. Default ten minutes. */
  readonly forMs?: number
  /** Default 20. */
  readonly limit?: number
}

const TEN_MINUTES_MS = 600_000

/** Tasks that have been due for a while and are not over, the oldest first. What expired in its queue never ends. */
export async function stuckTasks(
  database: Connection,
  { forMs = TEN_MINUTES_MS, limit = 20 }: StuckOptions = {},
): Promise<StuckTask[]> {
  return await database.query<StuckTask>(
    `SELECT ${SUMMARY}, history.reason
     FROM monitor.task AS task
     JOIN monitor.task_history AS history USING (task_id)
     WHERE task.finished_at IS NULL AND history.finished_at IS NULL
       AND (task.state = 'PENDING' AND task.expires <= now()) IS NOT TRUE
       AND greatest(task.published_at, task.eta) < now() - $1::double precision * interval '1 millisecond'
     ORDER BY task.published_at
     LIMIT $2`,
    [forMs, limit],
  )
}
