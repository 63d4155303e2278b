import type { State } from './states.ts'

/** An error as every language can read it: class, module and constructor arguments. */
export interface ExceptionInfo {
  readonly excType: string
  readonly excModule: string | null
  readonly excMessage: readonly unknown[]
}

/** An outcome stored under its task id. For exception states `result` is an `ExceptionInfo` (or null). */
export interface TaskResult {
  readonly taskId: string
  readonly status: State
  readonly result: unknown
  readonly traceback: string | null
  readonly dateDone: Date | null
  /** The rest is kept only with result_extended, or by the backends that have room for it. */
  readonly name?: string | null
  readonly args?: unknown
  readonly kwargs?: unknown
  readonly worker?: string | null
  readonly retries?: number | null
  readonly queue?: string | null
  readonly parentId?: string | null
  readonly groupId?: string | null
  readonly children?: readonly unknown[]
  /** Where the caller listens for it, and by what it knows it: for backends that send results as messages. */
  readonly replyTo?: string | null
  readonly correlationId?: string | null
}

/** The result of an unknown id: nothing is stored under it. */
export function pendingResult(taskId: string): TaskResult {
  return { taskId, status: 'PENDING', result: null, traceback: null, dateDone: null }
}
