import { DatabaseError } from '../errors.ts'

/** SQLSTATE classes and codes that say: the server, or the way to it, is gone. */
const LOST_STATES = /^(?:08...|57P0[123])$/
const LOST_SYSTEM =
  /^(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|EACCES)$/
const LOST_WORDS =
  /^(?:Connection terminated|timeout expired|Client has encountered a connection error|Client was closed)/

/** Whether the error means that the connection is gone, not that the statement was wrong. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return LOST_STATES.test(code) || LOST_SYSTEM.test(code) || LOST_WORDS.test(error.message)
}

/** The error as callers see it: a lost connection by its code and place, anything else as it came. */
export function asDatabaseError(error: unknown, safeUrl: string): unknown {
  return isConnectionLoss(error) ? unreachable(safeUrl, error) : error
}

export function unreachable(safeUrl: string, cause: unknown): DatabaseError {
  const why = cause instanceof Error ? firstMessage(cause) : String(cause)
  return new DatabaseError('DATABASE_UNREACHABLE', `cannot reach ${safeUrl}: ${why}`, { cause })
}

/** Where a name has several addresses Node throws an AggregateError, whose own message is empty. */
function firstMessage(error: Error): string {
  if (error.message !== '') return error.message
  const [first] = error instanceof AggregateError ? error.errors : []
  return first instanceof Error ? first.message : error.name
}
