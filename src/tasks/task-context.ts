import type { Logger } from '../logger.ts'
import type { SignatureLike } from '../protocol/tasks/call-options.ts'
import type { TaskRequest } from '../protocol/tasks/task-request.ts'
import type { AsyncResult } from '../results/async-result.ts'
import type { Replace, Retry, RetryOptions } from './signals.ts'

/** What a bound task gets as `self`: the request it runs, and what it may do while it does. */
export interface TaskContext {
  readonly request: TaskRequest
  /** Aborts at the soft time limit, and when the worker stops without waiting. */
  readonly signal: AbortSignal
  /** Writes with the task's name and id. */
  readonly log: Logger
  /** Stores a state of the task's own with something to show for it; Python reads it as AsyncResult.info. */
  updateState(state: string, meta?: unknown): Promise<void>
  /** Sends an event of the task's own, such as "invoice-paid"; it carries the task's id as `uuid`. */
  sendEvent(type: string, fields?: Readonly<Record<string, unknown>>): Promise<void>
  /** `throw self.retry({ countdown: 10, cause: error })`; it throws by itself where the `throw` is forgotten. */
  retry(options?: RetryOptions): Retry
  /**
   * Starts one more member of the chord that this task is a member of; the body waits for it, too. With results in Redis
   * or in memory, as in Celery.
   */
  addToChord<Value = unknown>(signature: SignatureLike): Promise<AsyncResult<Value>>
  /** `throw self.replace(other.s(1))`: the other signature runs under this task's id, with its callbacks. Throws as `retry`. */
  replace(signature: SignatureLike): Replace
}
