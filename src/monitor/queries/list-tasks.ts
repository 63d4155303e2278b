import type { Connection } from '../../database/database.ts'
import { MonitorError } from '../../errors.ts'
import { SUMMARY, type TaskSummary } from './history-columns.ts'
import {
  type StatusPlace,
  statusPlaces,
  type TaskConditions,
  taskConditions,
} from './task-conditions.ts'

export interface TaskFilters extends TaskConditions {
  /** Default 50. */
  readonly limit?: number
  readonly offset?: number
  /** The id of a task: only what comes after it. The next page at any depth, at no cost for what was skipped. */
  readonly after?: string
  /** By the time they were published. Default "newest". */
  readonly order?: 'newest' | 'oldest'
}

/** The tasks that fit all filters. The page is chosen from the table, by its indexes; the view completes the rows on it. */
export async function listTasks(
  database: Connection,
  filters: TaskFilters = {},
): Promise<TaskSummary[]> {
  const { status, after, limit = 50, offset = 0 } = filters
  const parameters: unknown[] = []
  const parameter = (value: unknown): string => `$${parameters.push(value)}`
  const conditions = taskConditions(filters, parameter)
  if (after !== undefined) {
    const publishedAt = await publishedAtOf(database, after)
    const isOldestFirst = filters.order === 'oldest'
    conditions.push(comesAfter({ publishedAt, taskId: after, isOldestFirst }, parameter))
  }
  const isWanted = status === undefined ? 'true' : `history.status = ${parameter(status)}`
  const direction = filters.order === 'oldest' ? 'ASC' : 'DESC'
  const choice = { conditions, isWanted, direction, most: parameter(limit + offset) }
  const pages = statusPlaces(status).map((place) => pageOf(place, choice))
  return await database.query<TaskSummary>(
    `SELECT ${SUMMARY}
     FROM (${pages.join(' UNION ALL ')}) AS page
     JOIN monitor.task_history AS history USING (task_id)
     WHERE ${isWanted}
     ORDER BY page.published_at ${direction}, page.task_id ${direction}
     LIMIT ${parameter(limit)} OFFSET ${parameter(offset)}`,
    parameters,
  )
}

interface Choice {
  readonly conditions: readonly string[]
  readonly isWanted: string
  readonly direction: string
  readonly most: string
}

function pageOf(place: StatusPlace, { conditions, isWanted, direction, most }: Choice): string {
  const view = place.asksView ? 'JOIN monitor.task_history AS history USING (task_id)' : ''
  const all = [place.condition, ...(place.asksView ? [isWanted] : []), ...conditions]
  return `(SELECT task_id, task.published_at
      FROM monitor.task AS task ${view}
      WHERE ${all.join(' AND ')}
      ORDER BY task.published_at ${direction}, task_id ${direction}
      LIMIT ${most})`
}

/** As text: a Date would lose the microseconds. Null where it is known by events alone. */
async function publishedAtOf(database: Connection, taskId: string): Promise<string | null> {
  const [row] = await database.query<{ published_at: string | null }>(
    'SELECT published_at::text FROM monitor.task WHERE task_id = $1',
    [taskId],
  )
  if (row !== undefined) return row.published_at
  throw new MonitorError(
    'TASK_UNKNOWN',
    `there is no task "${taskId}" to list after; give the whole id of the last one listed`,
  )
}

interface Place {
  readonly publishedAt: string | null
  readonly taskId: string
  readonly isOldestFirst: boolean
}

/** PostgreSQL takes NULL for later than any time. */
function comesAfter(place: Place, parameter: (value: unknown) => string): string {
  const { publishedAt, taskId, isOldestFirst } = place
  const id = parameter(taskId)
  if (publishedAt === null) {
    const sameTime = `task.published_at IS NULL AND task.task_id ${isOldestFirst ? '>' : '<'} ${id}`
    return isOldestFirst ? `(${sameTime})` : `(task.published_at IS NOT NULL OR ${sameTime})`
  }
  const later = `(task.published_at, task.task_id) ${isOldestFirst ? '>' : '<'} (${parameter(publishedAt)}::timestamptz, ${id})`
  return isOldestFirst ? `(task.published_at IS NULL OR ${later})` : later
}
