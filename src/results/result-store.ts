import type { TaskResult } from '../protocol/task-result.ts'

/**
 * Journey 5/8, result: outcomes kept under their task id, where Python reads them too.
 * test/contracts/result-store-contract.ts says in tests what each method promises.
 */
export interface ResultStore extends AsyncDisposable {
  /** "db+postgresql", "memory", "disabled", ... */
  readonly kind: string
  /** Resolves once the result is safe. Saves that come close together are written together. */
  save(result: TaskResult): Promise<void>
  /** What is stored; status PENDING where nothing is. */
  get(taskId: string): Promise<TaskResult>
  /** Resolves with the first ready result (SUCCESS, FAILURE, REVOKED); rejects with ResultError RESULT_TIMEOUT, or the signal's reason. */
  waitFor(taskId: string, options?: WaitOptions): Promise<TaskResult>
  forget(taskId: string): Promise<void>
  close(): Promise<void>
}

export interface WaitOptions {
  /** Undefined waits for ever. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** For backends that have to look: how often. Default 500. */
  readonly intervalMs?: number
}
