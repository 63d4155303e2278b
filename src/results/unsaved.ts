import { ResultError } from '../errors.ts'

export function unsaved(taskId: string, cause: unknown): ResultError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `the result of task "${taskId}" could not be stored: ${why}`
  return new ResultError('RESULT_UNSAVED', message, { cause })
}
