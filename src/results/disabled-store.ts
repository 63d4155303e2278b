import { ResultError } from '../errors.ts'
import type { TaskResult } from '../protocol/results/task-result.ts'
import { shownId } from './failures.ts'
import type { ResultStore } from './result-store.ts'

/** Results are switched off: saving does nothing, asking says how to switch them on. */
export class DisabledResultStore implements ResultStore {
  readonly kind = 'disabled'
  readonly features = { keeps: false, isShared: false }

  async save(_result: TaskResult): Promise<void> {
    // Nothing is kept, on purpose.
  }

  async get(taskId: string): Promise<TaskResult> {
    throw disabled(taskId)
  }

  async waitFor(taskId: string): Promise<TaskResult> {
    throw disabled(taskId)
  }

  async forget(_taskId: string): Promise<void> {
    // Nothing was kept.
  }

  async close(): Promise<void> {
    // Nothing was opened.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function disabled(taskId: string): ResultError {
  return new ResultError(
    'RESULT_DISABLED',
    `task "${shownId(taskId)}" has no stored result: results are switched off. ` +
      'Set result_backend, for example to "db+postgresql://user:password@host/name" or "memory://"',
  )
}
