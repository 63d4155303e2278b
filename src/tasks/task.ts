import type { CallOptions } from '../protocol/call-options.ts'
import { toWireOptions } from '../protocol/call-options.ts'
import { signatureDict } from '../protocol/signatures.ts'
import type { AsyncResult } from '../results/async-result.ts'
import type { Publisher } from './publisher.ts'
import { type ApplyOptions, type Group, Signature } from './signature.ts'
import type { TaskContext } from './task-context.ts'
import type { TaskOptions } from './task-options.ts'

/** What a task runs: its own arguments, or its context first where it is declared with `bind`. */
export type TaskFunction<Args extends readonly unknown[], Value> = (
  ...args: Args
) => Value | Promise<Value>

export type BoundTaskFunction<Args extends readonly unknown[], Value> = (
  self: TaskContext,
  ...args: Args
) => Value | Promise<Value>

/** A named function that a worker can run, and the ways to call it. Made by `app.task()`. */
export class Task<Args extends readonly unknown[] = readonly unknown[], Value = unknown> {
  readonly name: string
  readonly options: TaskOptions
  /** The function itself, for tests and for calls that need no queue. */
  readonly run: (...args: never[]) => Value | Promise<Value>
  readonly #publisher: Publisher

  constructor(
    publisher: Publisher,
    declaration: {
      readonly name: string
      readonly options: TaskOptions
      readonly run: (...args: never[]) => Value | Promise<Value>
    },
  ) {
    this.#publisher = publisher
    this.name = declaration.name
    this.options = declaration.options
    this.run = declaration.run
  }

  /** Calls the task; resolves once the broker has the message. Throws `UnroutableTaskError`, `BrokerError`. */
  async delay(...args: Args): Promise<AsyncResult<Value>> {
    return await this.applyAsync(args)
  }

  /** Calls the task with options, https://docs.celeryq.dev/en/stable/userguide/calling.html */
  async applyAsync(args?: Args | readonly [], options?: ApplyOptions): Promise<AsyncResult<Value>>
  async applyAsync(
    args: Readonly<Partial<Args>>,
    options: ApplyOptions & Required<Pick<ApplyOptions, 'kwargs'>>,
  ): Promise<AsyncResult<Value>>
  async applyAsync(
    args: readonly unknown[] = [],
    { kwargs = {}, ...options }: ApplyOptions = {},
  ): Promise<AsyncResult<Value>> {
    const taskId = await this.#publisher.publish({ task: this.name, args, kwargs, options })
    return this.#publisher.asyncResult<Value>(taskId, this.name)
  }

  /** A signature; in a chain the result before it comes before these arguments. */
  s(...args: readonly unknown[]): Signature<Value> {
    return this.signature({ args })
  }

  /** An immutable signature: it takes nothing from the task before it. */
  si(...args: readonly unknown[]): Signature<Value> {
    return this.signature({ args, isImmutable: true })
  }

  /** A call of this task's function with each item, in one task. */
  map(items: readonly unknown[]): Signature<readonly Value[]> {
    return this.s().map(items)
  }

  /** A call of this task's function with each list of arguments, in one task. */
  starmap(items: readonly (readonly unknown[])[]): Signature<readonly Value[]> {
    return this.s().starmap(items)
  }

  /** The same in a group of tasks, each with `size` lists of arguments. */
  chunks(items: readonly (readonly unknown[])[], size: number): Group<readonly Value[]> {
    return this.s().chunks(items, size)
  }

  signature(parts: {
    readonly args?: readonly unknown[]
    readonly kwargs?: Readonly<Record<string, unknown>>
    readonly options?: CallOptions
    readonly isImmutable?: boolean
  }): Signature<Value> {
    return new Signature<Value>(
      this.#publisher,
      signatureDict({
        task: this.name,
        args: parts.args ?? [],
        kwargs: parts.kwargs ?? {},
        options: toWireOptions(parts.options ?? {}),
        immutable: parts.isImmutable ?? false,
      }),
    )
  }
}

/** The task's own options that are options of each of its calls, as Celery's `_get_exec_options`. */
export function callOptionsOf(options: TaskOptions): CallOptions {
  const { queue, exchange, routingKey, priority, expires, serializer, compression } = options
  const { timeLimit, softTimeLimit, ignoreResult } = options
  const all = {
    queue,
    exchange,
    routingKey,
    priority,
    expires,
    serializer,
    compression,
    timeLimit,
    softTimeLimit,
    ignoreResult,
  }
  // Only those that are set, so that they can be laid under the call's own.
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
