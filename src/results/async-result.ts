import { TaskFailedError } from '../errors.ts'
import { isReady, type State } from '../protocol/states.ts'
import type { ExceptionInfo, TaskResult } from '../protocol/task-result.ts'
import type { ResultStore, WaitOptions } from './result-store.ts'
import { isExceptionInfo } from './stored-value.ts'

export interface AsyncResultOptions {
  /** Opens the store when it is first asked: a producer that never asks opens none. */
  readonly store: () => Promise<ResultStore>
  /** For messages and logs. */
  readonly taskName?: string
}

/** The outcome of a call that may still be running, in whichever language. Any process can make one from the id. */
export class AsyncResult<Value = unknown> {
  readonly id: string
  readonly taskName: string | undefined
  readonly #openStore: () => Promise<ResultStore>

  constructor(id: string, options: AsyncResultOptions) {
    this.id = id
    this.taskName = options.taskName
    this.#openStore = options.store
  }

  /** Waits for the task's return value; rejects with TaskFailedError when it failed or was revoked. */
  async get(options: WaitOptions = {}): Promise<Value> {
    options.signal?.throwIfAborted()
    const store = await this.#openStore()
    const result = await store.waitFor(this.id, options)
    if (result.status !== 'SUCCESS') throw failureOf(result)
    // What a task returns is its author's promise; nothing here can check it.
    return result.result as Value
  }

  async status(): Promise<State> {
    return (await this.info()).status
  }

  /** The return value, the exception, or what the task told of its progress; null while there is nothing. */
  async result(): Promise<unknown> {
    return (await this.info()).result
  }

  async traceback(): Promise<string | null> {
    return (await this.info()).traceback
  }

  /** The task is over, well or badly. */
  async isReady(): Promise<boolean> {
    return isReady(await this.status())
  }

  async isSuccessful(): Promise<boolean> {
    return (await this.status()) === 'SUCCESS'
  }

  async isFailed(): Promise<boolean> {
    return (await this.status()) === 'FAILURE'
  }

  /** Everything that is stored of the task. */
  async info(): Promise<TaskResult> {
    const store = await this.#openStore()
    return await store.get(this.id)
  }

  /** Removes what is stored. */
  async forget(): Promise<void> {
    const store = await this.#openStore()
    await store.forget(this.id)
  }
}

function failureOf({ taskId, status, result, traceback }: TaskResult): TaskFailedError {
  const exception = isExceptionInfo(result) ? result : unknownException(status)
  return new TaskFailedError({
    taskId,
    state: status,
    excType: exception.excType,
    excModule: exception.excModule,
    excArgs: exception.excMessage,
    traceback,
  })
}

/** A failure may be stored without its exception. */
function unknownException(status: State): ExceptionInfo {
  return status === 'REVOKED'
    ? { excType: 'TaskRevokedError', excModule: 'celery.exceptions', excMessage: ['revoked'] }
    : { excType: 'Exception', excModule: 'builtins', excMessage: [] }
}
