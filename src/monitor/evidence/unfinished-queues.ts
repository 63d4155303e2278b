import type { Connection } from '../../database/database.ts'

/** Queues of which unfinished tasks are known. */
export async function unfinishedQueues(connection: Connection): Promise<readonly string[]> {
  const rows = await connection.query<{ queue: string }>(QUEUES)
  return rows.map(({ queue }) => queue)
}

/** Column by column from value to value: quick, however many tasks wait. */
const QUEUES = `
  WITH RECURSIVE known AS (
    (SELECT queue FROM monitor.task WHERE monitor.state_class(state) < 2 AND queue IS NOT NULL ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT task.queue FROM monitor.task
      WHERE monitor.state_class(state) < 2 AND task.queue > known.queue ORDER BY task.queue LIMIT 1)
    FROM known WHERE known.queue IS NOT NULL
  )
  SELECT queue FROM known WHERE queue IS NOT NULL LIMIT 1000`
