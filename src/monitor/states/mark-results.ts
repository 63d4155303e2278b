import type { Database } from '../../database/database.ts'

/** Most bodies are recorded within a minute of the message that marks them. */
const RECENT_S = 60

/**
 * Marks the bodies of chords whose results are wanted, as other messages said lately (see mirror/result-bodies.ts).
 * Quick, however many marks wait for bodies that are long in coming, or never come.
 */
export async function markRecentResults(database: Database): Promise<void> {
  await database.query(markSql(`marked_at > now() - interval '${RECENT_S} seconds'`))
}

/** All of them, however old the messages that named them. */
export async function markResults(database: Database): Promise<void> {
  await database.query(markSql('true'))
  await database.query(FORGET)
}

/** A task that another transaction holds is left for the next turn: this waits for no writer, so that none deadlocks with it. */
function markSql(which: string): string {
  return `
  WITH found AS MATERIALIZED (
    SELECT task.task_id
    FROM monitor.result_mark AS mark JOIN monitor.task ON task.task_id = mark.task_id
    WHERE NOT task.is_result AND ${which}
    FOR NO KEY UPDATE OF task SKIP LOCKED
  )
  UPDATE monitor.task SET is_result = true, updated_at = now()
  FROM found
  WHERE task.task_id = found.task_id`
}

/** What was marked, and what never came; of two monitors that forget at once, each leaves to the other what it holds. */
const FORGET = `
  DELETE FROM monitor.result_mark WHERE task_id IN (
    SELECT mark.task_id FROM monitor.result_mark AS mark
    WHERE marked_at < now() - interval '30 days'
      OR EXISTS (SELECT FROM monitor.task WHERE task.task_id = mark.task_id AND is_result)
    FOR UPDATE SKIP LOCKED
  )`
