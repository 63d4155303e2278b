import type { Connection, Database } from '../../database/database.ts'

/** Rows of celery_taskmeta that one statement looks at: so few that other statements do not wait long for a row. */
const PAGE = 2000

export interface Absorbed {
  /** Rows that were looked at. */
  readonly looked: number
  /** Tasks whose record has changed. */
  readonly changed: number
}

/** Another monitor is at it, which does as well. */
export type Busy = 'busy'

/** Merges what the backend holds of these tasks. */
export async function absorbTasks(
  database: Database,
  taskIds: readonly string[],
): Promise<Absorbed> {
  let changed = 0
  for (let at = 0; at < taskIds.length; at += PAGE) {
    const [row] = await database.query<{ changed: number }>(
      'SELECT monitor.absorb_results($1) AS changed',
      [taskIds.slice(at, at + PAGE)],
    )
    changed += row?.changed ?? 0
  }
  return { looked: taskIds.length, changed }
}

/** Merges what was stored in the last so many milliseconds, by the clocks of those who stored it. */
export async function absorbRecent(database: Database, withinMs: number): Promise<Absorbed | Busy> {
  return await inPages<RecentPage>(database, 'recent', async (connection, last) => {
    const [page] = await connection.query<RecentPage>(RECENT, [
      last?.done ?? null,
      last?.id ?? null,
      withinMs,
      PAGE,
    ])
    return page
  })
}

/** Merges the latest of what Celery has not dated: since 5.7 all states but the last. */
export async function absorbUndated(database: Database): Promise<Absorbed> {
  const [row] = await database.query<Absorbed>(UNDATED, [PAGE])
  return row ?? { looked: 0, changed: 0 }
}

/** Merges what the backend holds of all tasks that are not over, and of those that ended lately without a result. */
export async function absorbUnfinished(database: Database): Promise<Absorbed | Busy> {
  const unfinished = await inPages<UnfinishedPage>(
    database,
    'unfinished',
    async (connection, last) => {
      const [page] = await connection.query<UnfinishedPage>(UNFINISHED, [last?.id ?? '', PAGE])
      return page
    },
  )
  if (unfinished === 'busy') return 'busy'
  const [row] = await database.query<Absorbed>(RESULTLESS, [PAGE])
  const { looked = 0, changed = 0 } = row ?? {}
  return { looked: unfinished.looked + looked, changed: unfinished.changed + changed }
}

interface RecentPage extends Absorbed {
  readonly done: string | null
  readonly id: number | null
}

interface UnfinishedPage extends Absorbed {
  readonly id: string | null
}

/** Each page is a transaction of its own; a monitor that does not get the lock of a page leaves the rest to its holder. */
async function inPages<Page extends Absorbed>(
  database: Database,
  lock: string,
  next: (connection: Connection, last: Page | undefined) => Promise<Page | undefined>,
): Promise<Absorbed | Busy> {
  let looked = 0
  let changed = 0
  let last: Page | undefined
  for (;;) {
    const page = await database.transaction(async (connection) =>
      (await hasLock(connection, lock)) ? await next(connection, last) : 'busy',
    )
    if (page === 'busy') return 'busy'
    looked += page?.looked ?? 0
    changed += page?.changed ?? 0
    if (page === undefined || page.looked < PAGE) return { looked, changed }
    last = page
  }
}

/** How long a process may be silent while it holds the lock: after that PostgreSQL ends its transaction, so that a suspended one does not keep it. */
const SILENT_MS = 5_000

/**
 * A lock of the transaction that also writes, so that a process that is suspended cannot write after another has begun:
 * a lease would add two writes a page (several a second) to promise the same.
 */
async function hasLock(connection: Connection, name: string): Promise<boolean> {
  const [row] = await connection.query<{ mine: boolean }>(
    `SELECT pg_try_advisory_xact_lock(hashtext($1)) AS mine,
      set_config('idle_in_transaction_session_timeout', $2, true)`,
    [`celery-toolbox absorb ${name}`, String(SILENT_MS)],
  )
  return row?.mine === true
}

// date_done is a time without a zone, in UTC; as text, for JavaScript would drop its microseconds.
const RECENT = `
  WITH page AS (
    SELECT id, task_id::text, date_done
    FROM public.celery_taskmeta
    WHERE (date_done, id) > (
      coalesce($1::timestamp, (now() - $3 * interval '1 millisecond') AT TIME ZONE 'UTC'), coalesce($2::integer, -1))
    ORDER BY date_done, id
    LIMIT $4
  )
  SELECT count(*)::integer AS looked,
    monitor.absorb_results(coalesce(array_agg(task_id), '{}')) AS changed,
    max(date_done)::text AS done,
    (array_agg(id ORDER BY date_done DESC, id DESC))[1] AS id
  FROM page`

const UNDATED = `
  WITH page AS (
    SELECT task_id::text FROM public.celery_taskmeta
    WHERE date_done IS NULL ORDER BY id DESC LIMIT $1
  )
  SELECT count(*)::integer AS looked, monitor.absorb_results(coalesce(array_agg(task_id), '{}')) AS changed
  FROM page`

const UNFINISHED = `
  WITH page AS (
    SELECT task_id
    FROM monitor.task
    WHERE monitor.state_class(state) < 2 AND task_id > $1
    ORDER BY task_id
    LIMIT $2
  )
  SELECT count(*)::integer AS looked,
    monitor.absorb_results(coalesce(array_agg(task_id), '{}')) AS changed,
    max(task_id) AS id
  FROM page`

const RESULTLESS = `
  WITH page AS (
    SELECT task.task_id
    FROM monitor.task
    JOIN public.celery_taskmeta meta ON meta.task_id = task.task_id
    WHERE monitor.state_class(state) = 2 AND task.result IS NULL AND lost IS NULL
      AND (options @> '{"ignore_result": true}') IS NOT TRUE
      AND state_at > now() - interval '1 hour' AND meta.status = task.state
    ORDER BY state_at DESC
    LIMIT $1
  )
  SELECT count(*)::integer AS looked, monitor.absorb_results(coalesce(array_agg(task_id), '{}')) AS changed
  FROM page`
