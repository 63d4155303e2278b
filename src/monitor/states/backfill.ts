import type { Database } from '../../database/database.ts'

export interface BackfillOptions {
  /** Rows of celery_taskmeta that one transaction takes. Default 1000. */
  readonly batchSize?: number
  /** Begins after the row of this id. Default: from the first. */
  readonly afterId?: number
  readonly onProgress?: (progress: BackfillProgress) => void
  /** Ends it after the batch at hand. */
  readonly signal?: AbortSignal
}

export interface BackfillProgress {
  readonly done: number
  readonly total: number
  /** Tasks that nothing was known of. */
  readonly added: number
  /** Tasks whose record has changed, those added among them. */
  readonly changed: number
  /** Results without a name and without a task: nothing is made of them. */
  readonly nameless: number
  /** Of the last row that is done: where another run may begin. */
  readonly lastId: number
}

/**
 * Makes tasks of what celery_taskmeta holds from before the monitor was there. Running it again, or in the middle of
 * everything, changes nothing that is known better.
 */
export async function backfill(
  database: Database,
  options: BackfillOptions = {},
): Promise<BackfillProgress> {
  const { batchSize = 1000, afterId = -1, onProgress, signal } = options
  const total = await countStored(database, afterId)
  let progress = { done: 0, total, added: 0, changed: 0, nameless: 0, lastId: afterId }
  while (signal?.aborted !== true) {
    const batch = await takeBatch(database, progress.lastId, batchSize)
    if (batch === undefined) break
    progress = {
      done: progress.done + batch.done,
      total: Math.max(progress.total, progress.done + batch.done),
      added: progress.added + batch.added,
      changed: progress.changed + batch.changed,
      nameless: progress.nameless + batch.nameless,
      lastId: batch.lastId,
    }
    onProgress?.(progress)
  }
  return progress
}

/** How many results there are. */
export async function countStored(database: Database, afterId = -1): Promise<number> {
  const [counted] = await database.query<{ total: number }>(
    'SELECT count(*)::integer AS total FROM public.celery_taskmeta WHERE id > $1',
    [afterId],
  )
  return counted?.total ?? 0
}

interface Batch {
  readonly done: number
  readonly nameless: number
  readonly added: number
  readonly changed: number
  readonly lastId: number
}

/** Undefined where there is nothing more. */
async function takeBatch(
  database: Database,
  afterId: number,
  batchSize: number,
): Promise<Batch | undefined> {
  return await database.transaction(async (connection) => {
    const page = await connection.query<{ id: number; task_id: string | null }>(
      'SELECT id, task_id FROM public.celery_taskmeta WHERE id > $1 ORDER BY id LIMIT $2',
      [afterId, batchSize],
    )
    const last = page.at(-1)
    if (last === undefined) return undefined
    const taskIds = page.flatMap(({ task_id }) => task_id ?? [])
    const added = await connection.query(ADD, [taskIds])
    const nameless = await connection.query(NAMELESS, [taskIds])
    const [absorbed] = await connection.query<{ changed: number }>(
      'SELECT monitor.absorb_results($1) AS changed',
      [taskIds],
    )
    return {
      done: page.length,
      added: added.length,
      nameless: nameless.length,
      changed: absorbed?.changed ?? 0,
      lastId: last.id,
    }
  })
}

/**
 * The time of publishing of such a task is unknown: at the latest it was when its result was stored. Its family is left for
 * its message, should it come, to say. A result without a name (`result_extended` is off) may be of a call that was never
 * published, as the body of a chord that failed: it makes no task.
 */
const ADD = `
  INSERT INTO monitor.task (task_id, name, args, kwargs, queue, retries, published_at, options)
  SELECT task_id, name, monitor.read_result(args), monitor.read_result(kwargs), queue, coalesce(retries, 0),
    coalesce(date_done AT TIME ZONE 'UTC', now()), '{"reported_by": "result"}'
  FROM public.celery_taskmeta meta
  WHERE task_id = ANY ($1) AND monitor.state_class(status) > 0 AND name IS NOT NULL
    AND NOT EXISTS (SELECT FROM monitor.task WHERE task.task_id = meta.task_id)
  ORDER BY task_id COLLATE "C"
  ON CONFLICT (task_id) DO NOTHING
  RETURNING task_id`

const NAMELESS = `
  SELECT FROM public.celery_taskmeta meta
  WHERE task_id = ANY ($1) AND name IS NULL AND NOT EXISTS (SELECT FROM monitor.task WHERE task.task_id = meta.task_id)`
