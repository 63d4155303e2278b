import type { Connection } from '../../database/database.ts'
import { MonitorError } from '../../errors.ts'
import { SUMMARY, type TaskSummary } from './history-columns.ts'
import { type TaskConditions, taskConditions } from './task-conditions.ts'

export interface TaskFilters extends TaskConditions {
  /** Default 50. */
  readonly limit?: number
  readonly offset?: number
  /** The id of a task: only what comes after it. The next page at any depth, at no cost for what was skipped. */
  readonly after?: string
  /** By the time they were published. Default "newest". */
  readonly order?: 'newest' | 'oldest'
}

/** The tasks that fit all filters. */
export async function listTasks(
  database: Connection,
  filters: TaskFilters = {},
): Promise<TaskSummary[]> {
  const parameters: unknown[] = []
  const parameter = (value: unknown): string => `$${parameters.push(value)}`
  const isOldestFirst = filters.order === 'oldest'
  const direction = isOldestFirst ? 'ASC' : 'DESC'
  const conditions = taskConditions(filters, parameter)
  if (filters.after !== undefined) {
    const publishedAt = await publishedAtOf(database, filters.after)
    const place = { publishedAt, taskId: filters.after, isOldestFirst }
    conditions.push(comesAfter(place, parameter))
  }
  return await database.query<TaskSummary>(
    `SELECT ${SUMMARY}
     FROM monitor.task AS task
     JOIN monitor.task_history AS history USING (task_id)
     ${conditions.length === 0 ? '' : `WHERE ${conditions.join('\n AND ')}`}
     ORDER BY task.published_at ${direction}, task.task_id ${direction}
     LIMIT ${parameter(filters.limit ?? 50)} OFFSET ${parameter(filters.offset ?? 0)}`,
    parameters,
  )
}

/** As text: a Date would lose the microseconds. Null where only events told of it. */
async function publishedAtOf(database: Connection, taskId: string): Promise<string | null> {
  const [row] = await database.query<{ published_at: string | null }>(
    'SELECT published_at::text FROM monitor.task WHERE task_id = $1',
    [taskId],
  )
  if (row !== undefined) return row.published_at
  throw new MonitorError(
    'TASK_UNKNOWN',
    `there is no task "${taskId}" to list what comes after; give the whole id of the last one listed`,
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
