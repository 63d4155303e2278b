/**
 * What a failed write asks for:
 * - `locked`: another transaction holds a row; the others go without it
 * - `row`: a value in some row is the cause; the others go without it
 * - `altered`: the table is not as it was; look again, then try again
 * - `passing`: the server is away, full, restarting; try again later
 * - `lasting`: trying again is no use
 */
type WriteFailure = 'locked' | 'row' | 'altered' | 'passing' | 'lasting'

/** By SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html. */
const BY_CODE: readonly (readonly [RegExp, WriteFailure])[] = [
  [/^55P03$/, 'locked'],
  [/^(?:22|23|54)...$/, 'row'],
  [/^42(?:P01|703)$/, 'altered'],
  [/^(?:42|0A|3F)...$/, 'lasting'],
  [/^DATABASE_CLOSED$/, 'lasting'],
]

export function writeFailureOf(error: unknown): WriteFailure {
  // Values too long for a JavaScript string, and the like: the row's fault, before it was sent.
  if (error instanceof RangeError || error instanceof TypeError) return 'row'
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return BY_CODE.find(([pattern]) => pattern.test(code))?.[1] ?? 'passing'
}
