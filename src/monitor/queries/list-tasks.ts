import type { Database } from '../../database/database.ts'
import { SUMMARY, type TaskSummary } from './history-columns.ts'

export interface TaskFilters {
  /** A name, or the beginning of names: "export.*" */
  readonly name?: string
  /** As the view tells it: PENDING, SUCCESS, FAILURE, … */
  readonly status?: string
  readonly queue?: string
  /** Published at this time or later. */
  readonly since?: Date
  /** Published before this time. */
  readonly until?: Date
  /** One family: all tasks of this root. */
  readonly rootId?: string
  /** Default 50. */
  readonly limit?: number
  readonly offset?: number
  /** By the time they were published. Default "newest". */
  readonly order?: 'newest' | 'oldest'
}

/** The tasks that fit all filters. */
export async function listTasks(
  database: Database,
  filters: TaskFilters = {},
): Promise<TaskSummary[]> {
  const parameters: unknown[] = []
  const conditions = CONDITIONS.flatMap(({ filter, sql }) => {
    const value = filters[filter]
    return value === undefined ? [] : [sql(`$${parameters.push(value)}`)]
  })
  const direction = filters.order === 'oldest' ? 'ASC' : 'DESC'
  return await database.query<TaskSummary>(
    `SELECT ${SUMMARY}
     FROM monitor.task_history
     ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
     ORDER BY published_at ${direction}, task_id ${direction}
     LIMIT $${parameters.push(filters.limit ?? 50)} OFFSET $${parameters.push(filters.offset ?? 0)}`,
    parameters,
  )
}

/** Each filter in SQL, given the parameter that holds its value. */
const CONDITIONS = [
  {
    filter: 'name',
    sql: (value: string) =>
      `CASE WHEN right(${value}, 1) = '*' THEN starts_with(name, left(${value}, -1)) ELSE name = ${value} END`,
  },
  { filter: 'status', sql: (value: string) => `status = ${value}` },
  { filter: 'queue', sql: (value: string) => `queue = ${value}` },
  { filter: 'since', sql: (value: string) => `published_at >= ${value}` },
  { filter: 'until', sql: (value: string) => `published_at < ${value}` },
  { filter: 'rootId', sql: (value: string) => `root_id = ${value}` },
] as const
