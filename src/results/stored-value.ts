import { ProtocolError } from '../errors.ts'
import type { TaskResult } from '../protocol/task-result.ts'

/** The result as it will be read: refused where it has no stored form, untouched by what happens to the value later. */
export function storedCopy(result: TaskResult): TaskResult {
  try {
    return structuredClone(result)
  } catch (cause) {
    throw new ProtocolError(
      'VALUE_UNENCODABLE',
      `the result of task "${result.taskId}" cannot be stored: ${String(cause)}`,
      { cause },
    )
  }
}
