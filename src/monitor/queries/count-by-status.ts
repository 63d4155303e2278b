import type { Database } from '../../database/database.ts'

export interface StatusCount {
  readonly status: string
  readonly count: number
}

/** How many tasks there are of each status, the most frequent first. */
export async function countByStatus(
  database: Database,
  { since }: { readonly since?: Date } = {},
): Promise<StatusCount[]> {
  return await database.query<StatusCount>(
    `SELECT status, count(*) AS count
     FROM monitor.task_history
     WHERE $1::timestamptz IS NULL OR published_at >= $1
     GROUP BY status
     ORDER BY count DESC, status`,
    [since ?? null],
  )
}
