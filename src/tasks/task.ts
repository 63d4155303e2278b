import { signatureDict } from '../protocol/signatures.ts'
import type { CallOptions } from '../protocol/tasks/call-options.ts'
import { toWireOptions } from '../protocol/tasks/call-options.ts'
import type { AsyncResult } from '../results/async-result.ts'
import type { Publisher } from './calls/publisher.ts'
import type {
  AnyKwargs,
  Counted,
  GivenOf,
  KwargsAfter,
  KwargsFor,
  NoKwargs,
  OptionsFor,
  PositionalOf,
} from './kwargs-types.ts'
import { type ApplyOptions, type Group, Signature } from './signature.ts'
import type { TaskOptions } from './task-options.ts'
import type {
  Before,
  Beginnings,
  Endings,
  IfNone,
  Immutable,
  ItemOf,
  Missing,
  TaskFunction,
} from './task-types.ts'

/**
 * A named function that a worker can run, and the ways to call it. Made by `app.task()`. `Args` are the arguments of its
 * calls, `Kwargs` those by name; `Run` is the function itself.
 */
export class Task<
  Args extends readonly unknown[] = readonly unknown[],
  Value = unknown,
  Kwargs = AnyKwargs,
  Run = TaskFunction<Args, Value>,
> {
  readonly name: string
  readonly options: TaskOptions
  /** The function itself, for tests and for calls that need no queue; a bound one takes its `self` first. */
  readonly run: Run
  readonly #publisher: Publisher

  constructor(
    publisher: Publisher,
    declaration: {
      readonly name: string
      readonly options: TaskOptions
      readonly run: Run
    },
  ) {
    this.#publisher = publisher
    this.name = declaration.name
    this.options = declaration.options
    this.run = declaration.run
  }

  /** Calls the task; resolves once the broker has the message. Throws `UnroutableTaskError`, `BrokerError`. */
  delay(...args: Args): Promise<AsyncResult<Value>> {
    return this.#call(args)
  }

  /** Calls the task with options, https://docs.celeryq.dev/en/stable/userguide/calling.html */
  applyAsync(
    this: IfNone<Args>,
    args?: undefined,
    options?: CallOptions,
  ): Promise<AsyncResult<Value>>
  applyAsync(args: Readonly<Args>, options?: CallOptions): Promise<AsyncResult<Value>>
  applyAsync<Count extends number>(
    args: PositionalOf<Args, Kwargs> & Counted<Count>,
    ...options: OptionsFor<Args, Kwargs, GivenOf<Args, Count>>
  ): Promise<AsyncResult<Value>>
  applyAsync(
    args?: readonly unknown[],
    options?: CallOptions & { readonly kwargs?: unknown },
  ): Promise<AsyncResult<Value>> {
    // Keyword arguments are a record under any of their types.
    return this.#call(args, options as ApplyOptions | undefined)
  }

  /** A signature; in a chain the result before it comes before these arguments. */
  s<const Given extends Endings<Args>>(
    ...args: Given
  ): Signature<Value, Before<Args, Given>, KwargsAfter<Kwargs, Given, Before<Args, Given>>> {
    return this.#signature({ args })
  }

  /** An immutable signature: it takes nothing from the task before it. */
  si(...args: Args): Signature<Value, Immutable, NoKwargs> {
    return this.#signature({ args, isImmutable: true })
  }

  /** A call of this task's function with each item, in one task. */
  map(items: readonly ItemOf<Args>[]): Signature<readonly Value[], Immutable> {
    return this.#signature({}).map(items)
  }

  /** A call of this task's function with each list of arguments, in one task. */
  starmap(items: readonly Readonly<Args>[]): Signature<readonly Value[], Immutable> {
    return this.#signature({}).starmap(items)
  }

  /** The same in a group of tasks, each with `size` lists of arguments. */
  chunks(items: readonly Readonly<Args>[], size: number): Group<readonly Value[]> {
    return this.#signature({}).chunks(items, size)
  }

  signature(parts: SignatureParts<Args, Kwargs>): Signature<Value> {
    // Keyword arguments are a record under any of their types.
    return this.#signature(parts as AnyParts)
  }

  /** Not async, as `delay` is not: a hundred thousand calls may wait for the broker, each in as little as can be. */
  #call(args: readonly unknown[] = [], given?: ApplyOptions): Promise<AsyncResult<Value>> {
    const { kwargs = {}, ...options } = given ?? {}
    const published = this.#publisher.publish({ task: this.name, args, kwargs, options })
    return published.then((taskId) => this.#publisher.asyncResult<Value>(taskId, this.name))
  }

  #signature<Lacks extends Missing, Named>(parts: AnyParts): Signature<Value, Lacks, Named> {
    return new Signature(
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

interface SignatureParts<Args extends readonly unknown[], Kwargs> extends AnyParts {
  /** In a chain, those before them come from the step before it. */
  readonly args?: Beginnings<Args> | Endings<Args>
  readonly kwargs?: Partial<KwargsFor<Kwargs, readonly []>>
}

interface AnyParts {
  readonly args?: readonly unknown[]
  readonly kwargs?: AnyKwargs
  readonly options?: CallOptions
  readonly isImmutable?: boolean
}

/** The task's own options that are options of each of its calls, as Celery's `_get_exec_options`. */
export function callOptionsOf(options: TaskOptions, args: readonly unknown[] = []): CallOptions {
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
    fairnessKey: fairnessKeyOf(options, args),
  }
  // Only those that are set, so that they can be laid under the call's own.
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function fairnessKeyOf({ fairnessKey }: TaskOptions, args: readonly unknown[]): string | undefined {
  if (typeof fairnessKey !== 'function') return fairnessKey
  // It is a function of what the task itself takes.
  const key = (fairnessKey as (...args: readonly unknown[]) => string | undefined)(...args)
  return key === '' ? undefined : key
}
