/**
 * What a failed write of a batch asks for:
 * - `contended`: another monitor was in the way; write it again
 * - `row`: a value in some row is the cause; the others go without it
 * - `away`: the database is gone, full, read-only, not migrated; wait until it is back
 */
type RecordFailure = 'contended' | 'row' | 'away'

/** By SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html. */
const CONTENDED = /^(?:40001|40P01|55P03)$/
/** Data exceptions, constraints, limits (an index row too long), and what PostgreSQL did not foresee itself. */
const ROW = /^(?:22...|23...|54...|XX000)$/

/** A disk over its quota, or a file over its limit, has no SQLSTATE of its own: no row is to blame for it. */
const STORAGE = /^could not (?:access|create|extend|fsync|open|read|resize|seek|truncate|write)/

export function recordFailureOf(error: unknown): RecordFailure {
  // Values too long for a JavaScript string, and the like: found before anything was sent.
  if (error instanceof RangeError || error instanceof TypeError) return 'row'
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (CONTENDED.test(code)) return 'contended'
  if (code === 'XX000' && error instanceof Error && STORAGE.test(error.message)) return 'away'
  return ROW.test(code) ? 'row' : 'away'
}
