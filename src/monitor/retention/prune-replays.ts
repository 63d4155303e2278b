import { IS_OLD_AND_PRUNABLE, type Limits, limitsOf, META, parametersOf } from './prune-tasks.ts'
import { countRows, inBatches, type PruneWork } from './prune-work.ts'
import type { Retention } from './types.ts'

/**
 * Deletes what the ledger of replays says of tasks that are gone; how many went. While a task is there its turns stay,
 * however old they are, so that it is not replayed twice by accident; and those of late, as one may be being published.
 */
export async function pruneReplays(work: PruneWork, retention: Retention): Promise<number> {
  const limits = limitsOf(retention)
  if (limits.latest === null) return 0
  if (work.isDryRun) return await countRows(work, COUNT_PRUNABLE, parametersOf(limits))
  return await deletePages(work, limits)
}

async function deletePages(work: PruneWork, { latest }: Limits): Promise<number> {
  const total = await countRows(work, 'SELECT count(*) AS count FROM monitor.replay', [])
  let at: { id: string; turn: number } = { id: '', turn: 0 }
  let done = 0
  let deleted = 0
  await inBatches(work, async () => {
    const [page] = await work.database.query<Page>(DELETE_PAGE, [
      latest,
      at.id,
      at.turn,
      work.batchSize,
    ])
    if (page === undefined || page.id === null) return true
    at = { id: page.id, turn: page.turn ?? 0 }
    done += page.looked_at
    deleted += page.deleted
    work.report({ step: 'replays', done, total: Math.max(total, done), deleted })
    return page.looked_at < work.batchSize
  })
  return deleted
}

interface Page {
  readonly looked_at: number
  readonly deleted: number
  readonly id: string | null
  readonly turn: number | null
}

const isOld = (before: string) =>
  `greatest(replay.requested_at, replay.published_at) < ${before}::timestamptz`

/** Of tasks that are gone, or would be by then. */
const COUNT_PRUNABLE = `
  SELECT count(*) AS count FROM monitor.replay
  WHERE ${isOld('$4')} AND NOT EXISTS (
    SELECT FROM monitor.task ${META}
    WHERE task.task_id = replay.task_id AND (${IS_OLD_AND_PRUNABLE}) IS NOT TRUE
  )`

const DELETE_PAGE = `
  WITH page AS MATERIALIZED (
    SELECT ctid AS place, task_id, turn, requested_at, published_at
    FROM monitor.replay
    WHERE (task_id, turn) > ($2, $3::integer)
    ORDER BY task_id, turn
    LIMIT $4
  ), gone AS (
    DELETE FROM monitor.replay WHERE ctid = ANY (ARRAY(
      SELECT place FROM page AS replay
      WHERE ${isOld('$1')} AND NOT EXISTS (SELECT FROM monitor.task WHERE task.task_id = replay.task_id)
    ))
    RETURNING 1
  ), last AS (
    SELECT task_id AS id, turn FROM page ORDER BY page.task_id DESC, page.turn DESC LIMIT 1
  )
  SELECT (SELECT count(*) FROM page) AS looked_at, (SELECT count(*) FROM gone) AS deleted, last.id, last.turn
  FROM (SELECT) AS one LEFT JOIN last ON true`
