import type { Database } from '../../database/database.ts'
import { MonitorError } from '../../errors.ts'

export interface TaskSelection {
  /** A condition on monitor.task_history, in SQL: `name = 'export.pdf' AND kwargs->>'slug' = 'a'`. */
  readonly where?: string | undefined
  /** Only tasks with this status. */
  readonly status?: string | undefined
  /** Only those that ended since then; where they have not ended, that were published since then. */
  readonly since?: Date | undefined
  readonly limit?: number | undefined
}

const STATEMENT_TIMEOUT_MS = 60_000

/**
 * The ids of the tasks that are asked for, oldest first. The condition is run in a transaction that cannot write.
 * Throws `MonitorError` CONDITION_INVALID, with what PostgreSQL says of it.
 */
export async function selectTasks(database: Database, selection: TaskSelection): Promise<string[]> {
  const { where } = selection
  const { sql, parameters } = statementOf(selection)
  return await database.transaction(async (connection) => {
    await connection.query('SET TRANSACTION READ ONLY')
    await connection.query(`SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}`)
    if (where !== undefined) await asked(where, connection.query(alone(where), [0]))
    const rows = await asked(where, connection.query<{ task_id: string }>(sql, parameters))
    return rows.map(({ task_id }) => task_id)
  })
}

/** `a) OR (b` would free itself of the conditions beside it: alone, without our parentheses, it is none. */
function alone(where: string): string {
  return `EXPLAIN SELECT FROM monitor.task_history WHERE ${where}\n LIMIT $1`
}

function statementOf({ where, status, since, limit }: TaskSelection): {
  readonly sql: string
  readonly parameters: readonly unknown[]
} {
  const parameters: unknown[] = []
  const bound = (value: unknown) => `$${parameters.push(value)}`
  const conditions = where === undefined ? [] : [`(${where}\n)`]
  if (since !== undefined) {
    conditions.push(`coalesce(finished_at, published_at) >= ${bound(since)}::timestamptz`)
  }
  if (status !== undefined) conditions.push(withStatus(bound(status)))
  const sql = `
    SELECT task_id FROM monitor.task_history
    WHERE ${conditions.length === 0 ? 'true' : conditions.join(' AND ')}
    ORDER BY published_at, task_id
    LIMIT ${bound(limit ?? null)}`
  return { sql, parameters }
}

/**
 * The view knows the status, but no index does; both tables it is made of know which tasks may have it. What the
 * monitor has not absorbed yet has its status in Celery's table alone.
 */
function withStatus(status: string): string {
  return `status = ${status} AND task_id IN (
      SELECT task_id FROM monitor.task WHERE state = ${status}
      UNION ALL
      SELECT task_id FROM public.celery_taskmeta WHERE status = ${status}
    )`
}

async function asked<Rows>(where: string | undefined, answer: Promise<Rows>): Promise<Rows> {
  try {
    return await answer
  } catch (cause) {
    if (where === undefined || !isTheirMistake(cause)) throw cause
    throw conditionInvalid(where, cause)
  }
}

function conditionInvalid(where: string, cause: unknown): MonitorError {
  const problem = `PostgreSQL does not take the condition "${where}": ${String(cause)}`
  return new MonitorError('CONDITION_INVALID', problem, { cause })
}

/** Classes of SQLSTATE: data exception, read-only transaction, syntax or unknown name, cancelled for its length. */
function isTheirMistake(cause: unknown): cause is Error {
  return cause instanceof Error && 'code' in cause && /^(?:22|25|42|57014)/.test(String(cause.code))
}
