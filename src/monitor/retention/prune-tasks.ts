import { countRows, cutoff, inBatches, type PruneWork } from './prune-work.ts'
import type { Retention } from './types.ts'

/** Deletes tasks that are over, in the order in which they were published; how many went. */
export async function pruneTasks(work: PruneWork, retention: Retention): Promise<number> {
  const limits = limitsOf(retention)
  if (limits.latest === null) return 0
  if (work.isDryRun) return await countRows(work, COUNT_PRUNABLE, parametersOf(limits))
  const total = await countRows(work, COUNT_OLD, [limits.latest])
  return await pruneUnpublished(work, limits, await prunePublished(work, limits, total))
}

/** The times before which what goes; null: it stays. */
export interface Limits {
  readonly tasks: Date | null
  readonly failures: Date | null
  readonly unfinished: Date | null
  /** The latest of them. */
  readonly latest: Date | null
}

export function limitsOf({ tasksMs, failuresMs = tasksMs, unfinishedMs }: Retention): Limits {
  const before = (ms: number | undefined) => (ms === undefined ? null : cutoff(ms))
  const limits = [before(tasksMs), before(failuresMs), before(unfinishedMs)] as const
  const [tasks, failures, unfinished] = limits
  const times = limits.flatMap((limit) => limit?.getTime() ?? [])
  return {
    tasks,
    failures,
    unfinished,
    latest: times.length === 0 ? null : new Date(Math.max(...times)),
  }
}

async function prunePublished(work: PruneWork, limits: Limits, total: number): Promise<number> {
  let at: { published: string; id: string } = { published: '-infinity', id: '' }
  let done = 0
  let deleted = 0
  await inBatches(work, async () => {
    const [page] = await work.database.query<Page>(DELETE_PAGE, [
      ...parametersOf(limits),
      at.published,
      at.id,
      work.batchSize,
    ])
    if (page === undefined || page.published === null) return true
    at = { published: page.published, id: page.id ?? '' }
    done += page.looked_at
    deleted += page.deleted
    work.report({ step: 'tasks', done, total: Math.max(total, done), deleted })
    return page.looked_at < work.batchSize
  })
  return deleted
}

/** Tasks known only by events or results, after so many others; how many with those. */
async function pruneUnpublished(work: PruneWork, limits: Limits, others: number): Promise<number> {
  let deleted = others
  await inBatches(work, async () => {
    const gone = await work.database.query(DELETE_UNPUBLISHED, [
      ...parametersOf(limits),
      work.batchSize,
    ])
    deleted += gone.length
    if (gone.length > 0) work.report({ step: 'tasks', done: deleted, total: deleted, deleted })
    return gone.length < work.batchSize
  })
  return deleted
}

interface Page {
  readonly looked_at: number
  readonly deleted: number
  /** As text: JavaScript would lose the microseconds. */
  readonly published: string | null
  readonly id: string | null
}

export function parametersOf({ tasks, failures, unfinished, latest }: Limits): unknown[] {
  return [tasks, failures, unfinished, latest]
}

/** Of a task and what Celery's table says of it. LOST is a guess, but no outcome is expected of such a task any more. */
export const IS_FAILURE = `(task.state IN ('FAILURE', 'LOST') OR meta.status IS NOT DISTINCT FROM 'FAILURE')`

export const IS_OVER = `(monitor.state_class(task.state) = 2 OR task.state IN ('EXPIRED', 'LOST')
      OR monitor.state_class(meta.status) = 2 OR (task.state = 'PENDING' AND task.expires < now()))`

/** Where the time of its end is unknown, it was not before the latest time that is known. */
const ENDED_AT = `coalesce(task.finished_at, meta.date_done AT TIME ZONE 'UTC', task.state_at, task.expires,
      task.published_at, task.updated_at)`

/** $1 to $3 are NULL for what stays, and so is then the comparison. */
const IS_PRUNABLE = `
    CASE
      WHEN ${IS_FAILURE} THEN ${ENDED_AT} < $2::timestamptz
      WHEN ${IS_OVER} THEN ${ENDED_AT} < $1::timestamptz
      ELSE coalesce(task.published_at, task.updated_at) < $3::timestamptz
    END`

export const META = 'LEFT JOIN public.celery_taskmeta AS meta ON meta.task_id = task.task_id'

/** None ends before it was published. */
const IS_OLD = 'task.published_at < $4::timestamptz'

/** With $1 to $4; NULL where nothing says how long it is kept. */
export const IS_OLD_AND_PRUNABLE = `(task.published_at IS NULL OR ${IS_OLD}) AND ${IS_PRUNABLE}`

const COUNT_OLD = `
  SELECT count(*) AS count FROM monitor.task
  WHERE ${IS_OLD.replace('$4', '$1')}`

const COUNT_PRUNABLE = `
  SELECT count(*) AS count FROM monitor.task ${META}
  WHERE ${IS_OLD_AND_PRUNABLE}`

/**
 * By their places in the table: old rows lie together, while their ids are all over the index. One that just moved, or that another
 * transaction holds, stays: a prune waits for no writer, so that none deadlocks with it.
 */
const DELETE_PAGE = `
  WITH page AS MATERIALIZED (
    SELECT ctid AS place, task_id, published_at, state, state_at, expires, finished_at, updated_at
    FROM monitor.task
    WHERE ${IS_OLD} AND published_at >= $5::timestamptz AND (published_at, task_id) > ($5::timestamptz, $6)
    ORDER BY published_at, task_id
    LIMIT $7
  ), gone AS (
    DELETE FROM monitor.task WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM monitor.task WHERE ctid = ANY (ARRAY(
        SELECT place FROM page AS task ${META} WHERE ${IS_PRUNABLE}
      ))
      FOR UPDATE SKIP LOCKED
    ))
    RETURNING 1
  ), last AS (
    SELECT published_at::text AS published, task_id AS id
    FROM page ORDER BY page.published_at DESC, task_id DESC LIMIT 1
  )
  SELECT (SELECT count(*) FROM page) AS looked_at, (SELECT count(*) FROM gone) AS deleted, last.published, last.id
  FROM (SELECT) AS one LEFT JOIN last ON true`

const DELETE_UNPUBLISHED = `
  DELETE FROM monitor.task WHERE task_id IN (
    SELECT task.task_id FROM monitor.task ${META}
    WHERE task.published_at IS NULL AND $4::timestamptz IS NOT NULL AND ${IS_PRUNABLE}
    LIMIT $5
    FOR UPDATE OF task SKIP LOCKED
  )
  RETURNING 1`
