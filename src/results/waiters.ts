import { startTimer } from '../async/timer.ts'
import { ResultError } from '../errors.ts'
import type { TaskResult } from '../protocol/results/task-result.ts'
import { shownId } from './failures.ts'
import type { WaitOptions } from './result-store.ts'

interface Waiter {
  readonly resolve: (result: TaskResult) => void
  readonly reject: (reason: unknown) => void
}

/** The callers that wait for results, by task id. An answered, timed out or aborted wait leaves nothing behind. */
export class Waiters {
  readonly #byId = new Map<string, Set<Waiter>>()

  get ids(): readonly string[] {
    return [...this.#byId.keys()]
  }

  has(taskId: string): boolean {
    return this.#byId.has(taskId)
  }

  wait(taskId: string, options: WaitOptions = {}): Promise<TaskResult> {
    const { timeoutMs, signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve: leaveAnd(resolve), reject: leaveAnd(reject) }
      const onAbort = () => waiter.reject(signal?.reason)
      const timer = startTimer(timeoutMs ?? Number.POSITIVE_INFINITY, () =>
        waiter.reject(timedOut(taskId, timeoutMs)),
      )
      signal?.addEventListener('abort', onAbort, { once: true })
      const leave = this.#add(taskId, waiter)

      function leaveAnd<Value>(settle: (value: Value) => void): (value: Value) => void {
        return (value) => {
          timer.clear()
          signal?.removeEventListener('abort', onAbort)
          leave()
          settle(value)
        }
      }
    })
  }

  resolve(result: TaskResult): void {
    for (const waiter of this.#of(result.taskId)) waiter.resolve(result)
  }

  reject(taskId: string, reason: unknown): void {
    for (const waiter of this.#of(taskId)) waiter.reject(reason)
  }

  rejectAll(reason: unknown): void {
    for (const taskId of this.ids) this.reject(taskId, reason)
  }

  #add(taskId: string, waiter: Waiter): () => void {
    const waiters = this.#byId.get(taskId) ?? new Set()
    waiters.add(waiter)
    this.#byId.set(taskId, waiters)
    return () => {
      waiters.delete(waiter)
      if (waiters.size === 0) this.#byId.delete(taskId)
    }
  }

  #of(taskId: string): readonly Waiter[] {
    return [...(this.#byId.get(taskId) ?? [])]
  }
}

function timedOut(taskId: string, timeoutMs: number | undefined): ResultError {
  return new ResultError(
    'RESULT_TIMEOUT',
    `task "${shownId(taskId)}" has no result after ${timeoutMs} ms of waiting`,
  )
}
