import { PassingMap } from '../async/passing.ts'
import { startTimer, type Timer } from '../async/timer.ts'
import { ResultError } from '../errors.ts'
import type { TaskResult } from '../protocol/results/task-result.ts'
import { shownId } from './failures.ts'
import type { WaitOptions } from './result-store.ts'

/** One caller: what ends its promise, and what would end it before its result. */
interface Waiter {
  readonly taskId: string
  readonly resolve: (result: TaskResult) => void
  readonly reject: (reason: unknown) => void
  timer?: Timer
  stopListening?: () => void
}

/** The callers that wait for results, by task id. An answered, timed out or aborted wait leaves nothing behind. */
export class Waiters {
  readonly #byId = new PassingMap<string, Set<Waiter>>()

  get ids(): readonly string[] {
    return [...this.#byId.keys()]
  }

  has(taskId: string): boolean {
    return this.#byId.has(taskId)
  }

  wait(taskId: string, options: WaitOptions = {}): Promise<TaskResult> {
    const { signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { taskId, resolve, reject }
      this.#add(waiter)
      this.#endBefore(waiter, options)
    })
  }

  resolve(result: TaskResult): void {
    for (const waiter of this.#takeAll(result.taskId)) waiter.resolve(result)
  }

  reject(taskId: string, reason: unknown): void {
    for (const waiter of this.#takeAll(taskId)) waiter.reject(reason)
  }

  rejectAll(reason: unknown): void {
    for (const taskId of this.ids) this.reject(taskId, reason)
  }

  #add(waiter: Waiter): void {
    const waiters = this.#byId.get(waiter.taskId)
    if (waiters === undefined) this.#byId.set(waiter.taskId, new Set([waiter]))
    else waiters.add(waiter)
  }

  /** A wait without a limit has neither a timer nor a listener: there may be many thousands. */
  #endBefore(waiter: Waiter, { timeoutMs, signal }: WaitOptions): void {
    const end = (reason: unknown): void => {
      this.#takeOne(waiter)
      waiter.reject(reason)
    }
    if (timeoutMs !== undefined) {
      waiter.timer = startTimer(timeoutMs, () => end(timedOut(waiter.taskId, timeoutMs)))
    }
    if (signal !== undefined) {
      const onAbort = (): void => end(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      waiter.stopListening = () => signal.removeEventListener('abort', onAbort)
    }
  }

  #takeOne(waiter: Waiter): void {
    release(waiter)
    const waiters = this.#byId.get(waiter.taskId)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.#byId.delete(waiter.taskId)
  }

  #takeAll(taskId: string): Iterable<Waiter> {
    const waiters = this.#byId.get(taskId) ?? []
    this.#byId.delete(taskId)
    for (const waiter of waiters) release(waiter)
    return waiters
  }
}

function release(waiter: Waiter): void {
  waiter.timer?.clear()
  waiter.stopListening?.()
}

function timedOut(taskId: string, timeoutMs: number | undefined): ResultError {
  return new ResultError(
    'RESULT_TIMEOUT',
    `task "${shownId(taskId)}" has no result after ${timeoutMs} ms of waiting`,
  )
}
