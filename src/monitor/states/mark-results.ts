import type { Database } from '../../database/database.ts'

/** Most bodies are recorded within a minute of the message that marks them. */
const RECENT_S = 60

/**
 * Marks the bodies of chords whose results are wanted, as other messages said lately (see mirror/result-bodies.ts).
 * Quick, however many marks wait for bodies that are long in coming, or never come.
 */
export async function markRecentResults(database: Database): Promise<void> {
  await database.query(`${MARK} AND marked_at > now() - interval '${RECENT_S} seconds'`)
}

/** All of them, however old the messages that named them. */
export async function markResults(database: Database): Promise<void> {
  await database.query(MARK)
  await database.query(FORGET)
}

const MARK = `
  UPDATE monitor.task SET is_result = true, updated_at = now()
  FROM monitor.result_mark AS mark
  WHERE task.task_id = mark.task_id AND NOT is_result`

/** What was marked, and what never came. */
const FORGET = `
  DELETE FROM monitor.result_mark AS mark
  WHERE marked_at < now() - interval '30 days'
    OR EXISTS (SELECT FROM monitor.task WHERE task.task_id = mark.task_id AND is_result)`
