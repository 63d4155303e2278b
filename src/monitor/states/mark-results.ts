import type { Database } from '../../database/database.ts'

/**
 * Marks the bodies of chords whose results are wanted, as messages of others told (see mirror/result-bodies.ts): the body
 * itself may be recorded before or after.
 */
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
