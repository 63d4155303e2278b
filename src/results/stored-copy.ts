import { ProtocolError } from '../errors.ts'
import type { TaskResult } from '../protocol/task-result.ts'

/** The result as it will be read. */
export function storedCopy(result: TaskResult): TaskResult {
  try {
    return structuredClone(result)
  } catch (cause) {
    throw refuse(result.taskId, cause)
  }
}

function refuse(taskId: string, cause: unknown): ProtocolError {
  const message = `the result of task "${taskId}" cannot be stored: ${String(cause)}`
  return new ProtocolError('VALUE_UNENCODABLE', message, { cause })
}
