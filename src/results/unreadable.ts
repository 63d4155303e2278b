import { ResultError } from '../errors.ts'
import { textOfError } from '../text-of-error.ts'

/** A stored result, or a part of one, that does not hold what Celery saves. */
export function unreadableResult(taskId: string, cause: unknown, place = ''): ResultError {
  return new ResultError(
    'RESULT_UNREADABLE',
    `the stored result of task "${taskId}" cannot be read${place}: ${textOfError(cause)}`,
    { cause },
  )
}

export function unreadableGroup(groupId: string): ResultError {
  return new ResultError(
    'RESULT_UNREADABLE',
    `the saved group "${groupId}" cannot be read: expected a GroupResult as Celery saves it`,
  )
}
