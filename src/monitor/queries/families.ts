import type { Connection } from '../../database/database.ts'
import type { TaskFamilyRow } from '../entities/task-family.ts'
import { isText } from './task-conditions.ts'

/** A row of monitor.task_family, its span in milliseconds. */
export type Family = Omit<TaskFamilyRow, 'span' | 'statuses' | 'overallResults'> & {
  readonly statuses: Readonly<Record<string, number>>
  readonly overallResults: readonly unknown[]
  readonly spanMs: number | null
}

const FAMILY = `
  root_id AS "rootId", name, overall_status AS "overallStatus", overall_results AS "overallResults", tasks, statuses,
  pending_steps AS "pendingSteps", published_at AS "publishedAt", started_at AS "startedAt",
  finished_at AS "finishedAt", extract(epoch FROM span)::double precision * 1000 AS "spanMs",
  creator_id AS "creatorId", related_type AS "relatedType", related_id AS "relatedId"`

/** The family of a task, whichever member it is. */
export async function family(database: Connection, taskId: string): Promise<Family | undefined> {
  const [found] = await database.query<Family>(
    `SELECT ${FAMILY} FROM monitor.task_family
     WHERE root_id = (SELECT coalesce(root_id, task_id) FROM monitor.task WHERE task_id = $1)`,
    [taskId],
  )
  if (found !== undefined) return found
  const [alone] = await database.query<Family>(ALONE, [taskId])
  return alone
}

/** Of a task known by events or results alone, the root is unknown: until a family names it as its own it stands alone. */
const ALONE = `
  SELECT ${FAMILY}
  FROM (
    SELECT task_id AS root_id, name, status AS overall_status, 1 AS tasks, jsonb_build_object(status, 1) AS statuses,
      CASE WHEN is_result AND finished_at IS NOT NULL AND result IS NOT NULL THEN jsonb_build_array(result) ELSE '[]' END AS overall_results,
      0 AS pending_steps, published_at, started_at, finished_at, coalesce(finished_at, now()) - published_at AS span,
      creator_id, related_type, related_id
    FROM monitor.task_history
    WHERE task_id = $1 AND root_id IS NULL
  ) AS alone`

export interface FamilyFilters {
  readonly overallStatus?: string
  readonly creatorId?: string
  readonly relatedType?: string
  readonly relatedId?: string
  /** Default 20. */
  readonly limit?: number
}

/** Families, the latest first. Owners are those of the root. */
export async function families(
  database: Connection,
  { limit = 20, ...filters }: FamilyFilters = {},
): Promise<Family[]> {
  const parameters: unknown[] = [limit]
  const conditions = FILTERS.flatMap(({ filter, column }) => {
    const value = filters[filter]
    return value === undefined ? [] : [`${column} = $${parameters.push(value)}`]
  })
  const { creatorId } = filters
  const parameter = (value: unknown): string => `$${parameters.push(value)}`
  if (creatorId !== undefined) conditions.push(isText('creator_id', creatorId, parameter))
  if (filters.overallStatus === 'FAILURE') conditions.push(MAY_HAVE_FAILED)
  return await database.query<Family>(
    `SELECT ${FAMILY} FROM monitor.task_family
     ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
     ORDER BY published_at DESC
     LIMIT $1`,
    parameters,
  )
}

const FILTERS = [
  { filter: 'overallStatus', column: 'overall_status' },
  { filter: 'relatedType', column: 'related_type' },
  { filter: 'relatedId', column: 'related_id' },
] as const

/** Asked before a family is summed up: most have not. What is open may have failed, and not be absorbed yet. */
const MAY_HAVE_FAILED = `(
       SELECT bool_or(member.state = 'FAILURE' OR member.finished_at IS NULL)
       FROM monitor.task AS member
       WHERE member.root_id = task_family.root_id)`
