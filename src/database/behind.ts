import { DatabaseError } from '../errors.ts'

/** Of a table, its schema or a column that is not there. */
const MISSING_STATES: ReadonlySet<unknown> = new Set(['42P01', '3F000', '42703'])

/** The error as callers see it: DATABASE_BEHIND where the table is missing, or older than this release; else as it came. */
export function asBehind(cause: unknown, { table, safeUrl }: MissingPlace): unknown {
  if (!isMissingFrom(cause)) return cause
  return new DatabaseError(
    'DATABASE_BEHIND',
    `${safeUrl} has no table ${table}, or an older one; run "celery-toolbox migrate up"`,
    { cause },
  )
}

interface MissingPlace {
  readonly table: string
  readonly safeUrl: string
}

/** Whether the statement names a table or column that the database does not have. */
export function isMissingFrom(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && MISSING_STATES.has(cause.code)
}
