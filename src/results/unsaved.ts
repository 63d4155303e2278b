import { ProtocolError, ResultError } from '../errors.ts'
import { textOfError } from '../text-of-error.ts'

/** A result that could not be stored. `isFinal`: trying again is no use, as its id or its value is the reason. */
export class UnsavedResult extends ResultError {
  readonly isFinal: boolean

  constructor(
    taskId: string,
    { cause, isFinal }: { readonly cause: unknown; readonly isFinal: boolean },
  ) {
    const why = textOfError(cause)
    super('RESULT_UNSAVED', `the result of task "${shown(taskId)}" could not be stored: ${why}`, {
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

function shown(taskId: string): string {
  return taskId.length > 300 ? `${taskId.slice(0, 300)}…` : taskId
}
