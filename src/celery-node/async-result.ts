import { ResultError } from '../errors.ts'
import type { ExceptionInfo, TaskResult } from '../protocol/results/task-result.ts'
import type { AsyncResult } from '../results/async-result.ts'

/** A result as celery.node and Celery's backends keep it. */
export interface TaskMeta {
  readonly status: string
  readonly result: unknown
  readonly traceback: string | null
  readonly children: readonly unknown[]
  readonly task_id: string
  readonly date_done: string | null
}

/** Celery.node's AsyncResult: the same methods, errors and fields, but notified of its result instead of polling. */
export class CeleryNodeResult {
  readonly taskId: string
  readonly #result: () => AsyncResult
  readonly #published: Promise<unknown>

  constructor(taskId: string, result: () => AsyncResult, published: Promise<unknown>) {
    this.taskId = taskId
    this.#result = result
    this.#published = published
  }

  /**
   * The return value. Rejects with "FAILURE" (and exc_type, exc_message, exc_module), "REVOKED" or "TIMEOUT", or with the
   * reason why the call could not be published. The interval is not needed any more.
   */
  async get(timeout?: number, _interval?: number): Promise<unknown> {
    await this.#published
    const result = this.#result()
    const wait = timeout ? { timeoutMs: timeout } : {}
    const outcome = await result.get({ ...wait, propagate: false }).catch(refuseTimeout)
    const meta = await this.getTaskMeta()
    if (meta === null || meta.status === 'SUCCESS') return outcome
    throw Object.assign(new Error(meta.status, { cause: outcome }), meta.result)
  }

  async result(): Promise<unknown> {
    return (await this.getTaskMeta())?.result ?? null
  }

  async status(): Promise<string | null> {
    return (await this.getTaskMeta())?.status ?? null
  }

  /** What is stored; null where nothing is. */
  async getTaskMeta(): Promise<TaskMeta | null> {
    await this.#published
    return metaOf(await this.#result().info())
  }
}

/** What is stored of a task in Celery's words; null where nothing is. */
export function metaOf(result: TaskResult): TaskMeta | null {
  const { taskId, status, traceback, dateDone, children = [] } = result
  if (status === 'PENDING') return null
  return {
    status,
    result: status === 'SUCCESS' ? result.result : exceptionOf(result.result),
    traceback,
    children,
    task_id: taskId,
    date_done: dateDone?.toISOString() ?? null,
  }
}

function exceptionOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('excType' in value)) return value
  // It has the field that only this has.
  const { excType, excMessage, excModule } = value as ExceptionInfo
  return { exc_type: excType, exc_message: excMessage, exc_module: excModule }
}

function refuseTimeout(error: unknown): never {
  if (error instanceof ResultError && error.code === 'RESULT_TIMEOUT') {
    throw new Error('TIMEOUT', { cause: error })
  }
  throw error
}
