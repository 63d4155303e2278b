import type { Connection } from '../../database/database.ts'

export interface StatusCount {
  readonly status: string
  readonly count: number
}

/** How many tasks there are of each status, the most frequent first. Only those that may change are looked at twice. */
export async function countByStatus(
  database: Connection,
  { since }: { readonly since?: Date } = {},
): Promise<StatusCount[]> {
  return await database.query<StatusCount>(
    `SELECT status, count(*)::integer AS count
     FROM (
       SELECT CASE WHEN state = 'REVOKED' AND started_at IS NULL AND expires <= state_at THEN 'EXPIRED' ELSE state END
         AS status
       FROM monitor.task
       WHERE finished_at IS NOT NULL AND ($1::timestamptz IS NULL OR published_at >= $1)
       UNION ALL
       SELECT history.status
       FROM monitor.task JOIN monitor.task_history AS history USING (task_id)
       WHERE task.finished_at IS NULL AND ($1::timestamptz IS NULL OR task.published_at >= $1)
     ) AS known
     GROUP BY status
     ORDER BY count DESC, status`,
    [since ?? null],
  )
}
