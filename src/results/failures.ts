import { ProtocolError, ResultError } from '../errors.ts'
import { exceptionInfo } from '../protocol/results/exceptions.ts'
import type { TaskResult } from '../protocol/results/task-result.ts'
import { textOfError } from '../text-of-error.ts'

/** A result that could not be stored. `isFinal`: trying again is no use, as its id or its value is the reason. */
export class UnsavedResult extends ResultError {
  readonly isFinal: boolean

  constructor(
    taskId: string,
    { cause, isFinal }: { readonly cause: unknown; readonly isFinal: boolean },
  ) {
    const why = textOfError(cause)
    super('RESULT_UNSAVED', `the result of task "${shownId(taskId)}" could not be stored: ${why}`, {
      cause,
    })
    this.name = 'ResultError'
    this.isFinal = isFinal
  }
}

/** No later try will do better: the id or the value has no form in the result backend. */
export function isRefusedForGood(error: unknown): boolean {
  return error instanceof ProtocolError || (error instanceof UnsavedResult && error.isFinal)
}

/** A stored result, or a part of one, that does not hold what Celery saves. `place` says where it is kept. */
export function unreadableResult(taskId: string, cause: unknown, place: string): ResultError {
  return new ResultError(
    'RESULT_UNREADABLE',
    `the stored result of task "${shownId(taskId)}" cannot be read, in ${place}: ${textOfError(cause)}`,
    { cause },
  )
}

/** The counters of a chord do not hold what Celery keeps there: its members can never be counted. */
export class UncountableChord extends ResultError {
  constructor(groupId: string, cause: unknown, expected: string) {
    super(
      'RESULT_UNREADABLE',
      `the members of chord "${shownId(groupId)}" cannot be counted: ${textOfError(cause)}; expected ${expected}`,
      { cause },
    )
    this.name = 'ResultError'
  }
}

/** Ids come from others, and may be of any length. */
export function shownId(id: string): string {
  return id.length > LONGEST_SHOWN ? `${id.slice(0, LONGEST_SHOWN)}…` : id
}

const LONGEST_SHOWN = 300

/** A member whose result cannot be read counts as failed by that: no later look will read it. Throws any other error on. */
export function unreadableMember(taskId: string, error: unknown): TaskResult {
  if (!isUnreadable(error)) throw error
  const result = exceptionInfo(error)
  return { taskId, status: 'FAILURE', result, traceback: null, dateDone: null }
}

/** No later look will do better. */
export function isUnreadable(error: unknown): boolean {
  return error instanceof ResultError && error.code === 'RESULT_UNREADABLE'
}
