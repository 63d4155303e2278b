import { ResultError, TaskFailedError } from '../errors.ts'
import { isReady, type State } from '../protocol/results/states.ts'
import type { ExceptionInfo, TaskResult } from '../protocol/results/task-result.ts'
import { type Following, failOnParentFailure } from './following.ts'
import type { ResultNode, ResultTuple } from './result-node.ts'
import type { ResultStore, WaitOptions } from './result-store.ts'
import { resultTree } from './saved-group.ts'
import { isExceptionInfo } from './stored-value.ts'

export interface AsyncResultOptions {
  /** Opens the store when it is first asked: a producer that never asks opens none. */
  readonly store: () => Promise<ResultStore>
  /** For messages and logs. */
  readonly taskName?: string
  /** The result of the step before: of a chain, or a chord's header. */
  readonly parent?: AsyncResult | null
  /** Makes the results of its children. */
  readonly resultOf?: (node: ResultNode) => AsyncResult
  /** Revokes tasks at the workers; gives their answers, where they are waited for. */
  readonly revoke?: (
    taskIds: string | readonly string[],
    options: RevokeResultOptions,
  ) => Promise<readonly WorkerAnswer[]>
}

export interface GetOptions extends WaitOptions {
  /** Fail with the first failed or revoked step before it, as nothing comes after that. Default true. */
  readonly followParents?: boolean
  /** False: where the task failed or was revoked, its TaskFailedError is what `get()` gives, not throws. Default true. */
  readonly propagate?: boolean
}

export interface RevokeResultOptions {
  /** Also end it where it runs already: our workers abort its signal, Python's kill its process. */
  readonly terminate?: boolean
  /** The signal that ends the process of a Python worker. Default SIGTERM. */
  readonly signal?: string
  /** Why, for the running task. */
  readonly reason?: string
  /** Wait for the workers' answers, `timeoutMs` long (default 1000). */
  readonly wait?: boolean
  readonly timeoutMs?: number
}

/** By the worker's name. */
export type WorkerAnswer = Readonly<Record<string, unknown>>

interface WalkOptions {
  /** Skip results that are not there yet, instead of throwing. Default false. */
  readonly intermediate?: boolean
}

/** The outcome of a call that may still be running, in whichever language. Any process can make one from the id. */
export class AsyncResult<Value = unknown> {
  readonly id: string
  readonly taskName: string | undefined
  /** The result of the step before: of a chain, or a chord's header; null where nothing came before. */
  readonly parent: AsyncResult | null
  readonly #options: AsyncResultOptions

  constructor(id: string, options: AsyncResultOptions) {
    this.id = id
    this.taskName = options.taskName
    this.parent = options.parent ?? null
    this.#options = options
  }

  /** Waits for the task's return value; rejects with TaskFailedError when it failed or was revoked. */
  get(options?: GetOptions & { readonly propagate?: true }): Promise<Value>
  get(options: GetOptions): Promise<unknown>
  async get({ propagate = true, ...options }: GetOptions = {}): Promise<unknown> {
    const value = this.#value(options)
    return await (propagate ? value : value.catch(failureIn))
  }

  async #value({ followParents = true, ...options }: GetOptions): Promise<Value> {
    options.signal?.throwIfAborted()
    const store = await this.#options.store()
    const result = await this.failOnParentFailure(
      followParents,
      { store, options },
      async (signal) =>
        store.waitFor(this.id, { ...options, ...(signal === undefined ? {} : { signal }) }),
    )
    if (result.status !== 'SUCCESS') throw failureOf(result)
    // What a task returns is its author's promise; nothing here can check it.
    return result.result as Value
  }

  async status(): Promise<State> {
    return (await this.info()).status
  }

  /** The return value, the exception, or the progress that the task reported; null while there is nothing. */
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
    const store = await this.#options.store()
    return await store.get(this.id)
  }

  /** Whether anything is stored of it. */
  async exists(): Promise<boolean> {
    return (await this.status()) !== 'PENDING'
  }

  /** The results of what the task called, what follows it in its chain included; empty while that is not stored. */
  async children(): Promise<readonly AsyncResult[]> {
    const { children = [] } = await this.info()
    const { resultOf = (node) => new AsyncResult(node.id, this.#options) } = this.#options
    return children.map(resultTree).flatMap((node) => (node === null ? [] : [resultOf(node)]))
  }

  /** This result and those of what was called because of it, each with the one it is a child of; parents first. */
  async *dependencies({
    intermediate = false,
  }: WalkOptions = {}): AsyncGenerator<readonly [parent: AsyncResult | null, result: AsyncResult]> {
    const line: (readonly [AsyncResult | null, AsyncResult])[] = [[null, this]]
    const known = new Set([this.id])
    for (const [parent, result] of line) {
      yield [parent, result]
      if (await result.isReady()) {
        for (const child of await result.children()) {
          // Stored by others: children may be in a circle.
          if (known.has(child.id)) continue
          known.add(child.id)
          line.push([result, child])
        }
      } else if (!intermediate) {
        throw new ResultError(
          'RESULT_INCOMPLETE',
          `the result of ${result.id} is not available yet, so its outcome is unknown`,
        )
      }
    }
  }

  /** Waits for this result and those of what was called because of it, one after the other, with their values. */
  async *collect(
    options: WalkOptions & GetOptions = {},
  ): AsyncGenerator<readonly [result: AsyncResult, value: unknown]> {
    const { intermediate = false, ...getOptions } = options
    for await (const [, result] of this.dependencies({ intermediate })) {
      yield [result, await result.get(getOptions)]
    }
  }

  /** As Python's `as_tuple()`: `[[id, parent], null]`; `app.resultFromTuple()` reads it in either language. */
  asTuple(): ResultTuple {
    return [[this.id, this.parent?.asTuple() ?? null], null]
  }

  /** Removes what is stored, of the steps before it too. */
  async forget(): Promise<void> {
    await this.parent?.forget()
    const store = await this.#options.store()
    await store.forget(this.id)
  }

  /** Revokes it at all workers, https://docs.celeryq.dev/en/stable/userguide/workers.html#revoke-revoking-tasks */
  async revoke(options: RevokeResultOptions = {}): Promise<readonly WorkerAnswer[]> {
    return await this.revokeTasks(this.id, options)
  }

  protected async revokeTasks(
    taskIds: string | readonly string[],
    options: RevokeResultOptions,
  ): Promise<readonly WorkerAnswer[]> {
    const { revoke } = this.#options
    if (revoke !== undefined) return await revoke(taskIds, options)
    throw new ResultError(
      'RESULT_UNSUPPORTED',
      `the result of ${this.id} has no connection to workers: revoke it by app.control.revoke("${this.id}")`,
    )
  }

  /** Waits, but not for what never comes because of a failure before it. */
  protected async failOnParentFailure<Waited>(
    followParents: boolean,
    { store, options }: Pick<Following, 'store' | 'options'>,
    wait: (signal: AbortSignal | undefined) => Promise<Waited>,
  ): Promise<Waited> {
    const { parent } = this
    if (!followParents || parent === null) return await wait(options.signal)
    const steps = this.stepsBefore()
    const following = { store, steps, before: () => parent.tasksTo(), options, failureOf }
    return await failOnParentFailure(following, wait)
  }

  /** The tasks before it. */
  protected stepsBefore(): readonly string[] {
    return this.parent?.stepsTo() ?? []
  }

  /** @internal This one and all tasks before it, members of groups included. */
  tasksTo(): readonly string[] {
    return [...(this.parent?.tasksTo() ?? []), this.id]
  }

  /** @internal This one and the tasks before it: where one of them fails, nothing comes after it. */
  stepsTo(): readonly string[] {
    return [...this.stepsBefore(), this.id]
  }
}

/** What a failed task is worth to who does not want it thrown. */
function failureIn(error: unknown): TaskFailedError {
  if (error instanceof TaskFailedError) return error
  throw error
}

/** What `get()` throws of a task that did not succeed. */
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
