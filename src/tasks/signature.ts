import { chunksDict, mapDict, starmapDict } from '../protocol/signature-tree/kinds.ts'
import { stamped } from '../protocol/signature-tree/stamps.ts'
import {
  type CallOptions,
  dictsOf,
  fromWireOptions,
  type SignatureLike,
  toWireOptions,
} from '../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../protocol/tasks/task-request.ts'
import type { AsyncResult } from '../results/async-result.ts'
import type { GroupResult } from '../results/group-result.ts'
import type { Publisher } from './calls/publisher.ts'
import { linked, linkedError } from './canvas/rewrite.ts'
import type { AnyKwargs, Counted, GivenOf, OptionsFor, PositionalOf } from './kwargs-types.ts'
import type { IfNone, Immutable, LackingArgs, Missing } from './task-types.ts'

/** Options of a call that also brings keyword arguments. */
export interface ApplyOptions extends CallOptions {
  readonly kwargs?: Readonly<Record<string, unknown>>
}

/**
 * A call that has not been made yet: it can be passed on, linked, put into a chain, a group or a chord.
 * https://docs.celeryq.dev/en/stable/userguide/canvas.html#signatures
 */
export class Signature<Value = unknown, Lacks extends Missing = Missing, Kwargs = unknown> {
  /** For the compiler alone: the arguments that come from elsewhere. */
  declare readonly lacks?: Lacks
  declare readonly lacksKwargs?: Kwargs
  readonly #publisher: Publisher
  readonly #dict: SignatureDict

  constructor(publisher: Publisher, dict: SignatureDict) {
    this.#publisher = publisher
    this.#dict = dict
  }

  get task(): string {
    return this.#dict.task
  }

  get args(): readonly unknown[] {
    return this.#dict.args
  }

  get kwargs(): Readonly<Record<string, unknown>> {
    return this.#dict.kwargs
  }

  get options(): CallOptions {
    return fromWireOptions(this.#dict.options).options
  }

  /** Takes no arguments from the task before it. */
  get isImmutable(): boolean {
    return this.#dict.immutable
  }

  get publisher(): Publisher {
    return this.#publisher
  }

  /** As it travels inside messages. */
  toDict(): SignatureDict {
    return this.#dict
  }

  /** As an argument of a task it is its dict, as in Python. */
  toJSON(): SignatureDict {
    return this.#dict
  }

  /** The same signature with these options over its own; ones Celery does not know are kept as they are. */
  set(options: CallOptions & Readonly<Record<string, unknown>>): this {
    const { known, unknown } = toKnown(options)
    const { options: spelledAsSent, extra } = fromWireOptions(unknown)
    const wire = { ...toWireOptions(spelledAsSent), ...toWireOptions(known) }
    return this.#with({ options: { ...this.#dict.options, ...wire, ...extra } })
  }

  /** The same signature with these arguments before its own, and these kwargs over its own. */
  clone(args: readonly unknown[] = [], kwargs: Readonly<Record<string, unknown>> = {}): this {
    if (this.isImmutable) return this.#with({})
    return this.#with({
      args: [...args, ...this.#dict.args],
      kwargs: { ...this.#dict.kwargs, ...kwargs },
    })
  }

  /** Also call `next` with the result when this succeeds. */
  link(next: SignatureLike): this {
    return this.#linkedTo(next, (dict, callback) => linked(dict, [callback]))
  }

  /** Also call `next` with the id of the failed task when this fails. */
  linkError(next: SignatureLike): this {
    const { linksChordHeaders: isOnHeader } = this.#publisher
    return this.#linkedTo(next, (dict, errback) => linkedError(dict, [errback], { isOnHeader }))
  }

  /** Makes the call; resolves once the broker has it. */
  async delay(...args: LackingArgs<Lacks>): Promise<AsyncResult<Value>> {
    return await this.start(args)
  }

  /** Makes the call: arguments go before its own, kwargs (unless it is immutable) and options over its own. */
  async applyAsync(
    this: IfNone<LackingArgs<Lacks>>,
    args?: undefined,
    options?: CallOptions,
  ): Promise<AsyncResult<Value>>
  async applyAsync(
    args: Readonly<LackingArgs<Lacks>>,
    options?: CallOptions,
  ): Promise<AsyncResult<Value>>
  async applyAsync<Count extends number>(
    args: PositionalOf<LackingArgs<Lacks>, Kwargs> & Counted<Count>,
    ...options: OptionsFor<LackingArgs<Lacks>, Kwargs, GivenOf<LackingArgs<Lacks>, Count>>
  ): Promise<AsyncResult<Value>>
  async applyAsync(
    args?: readonly unknown[],
    options?: CallOptions & { readonly kwargs?: unknown },
  ): Promise<AsyncResult<Value>> {
    // Keyword arguments are a record under any of their types.
    return await this.start(args, options as ApplyOptions | undefined)
  }

  protected async start(
    args: readonly unknown[] = [],
    { kwargs = {}, ...options }: ApplyOptions = {},
  ): Promise<AsyncResult<Value>> {
    return this.#publisher.resultOf<Value>(
      await this.#publisher.start(this.#dict, { args, kwargs, options }),
    )
  }

  /** The same signature with stamps on it and on every step within: marks that travel with their tasks (Celery 5.3+). */
  stamp(stamps: Readonly<Record<string, unknown>>): this {
    return this.#with(stamped(this.#dict, stamps))
  }

  /** A call of this task's function with each item, in one task; its own arguments and options are left out. */
  map(items: readonly unknown[]): Signature<readonly Value[], Immutable> {
    return new Signature(this.#publisher, mapDict(this.#dict, items))
  }

  /** A call of this task's function with each list of arguments, in one task. */
  starmap(items: readonly (readonly unknown[])[]): Signature<readonly Value[], Immutable> {
    return new Signature(this.#publisher, starmapDict(this.#dict, items))
  }

  /** The same in a group of tasks, each with `size` lists of arguments. */
  chunks(items: readonly (readonly unknown[])[], size: number): Group<readonly Value[]> {
    return new Group(this.#publisher, chunksDict(this.#dict, items, size))
  }

  #linkedTo(
    next: SignatureLike,
    link: (dict: SignatureDict, next: SignatureDict) => SignatureDict,
  ): this {
    return this.#with((dictsOf(next) ?? []).reduce(link, this.#dict))
  }

  #with(changes: Partial<SignatureDict>): this {
    // A group changed is a group: both are built alike.
    const Kind = this.constructor as new (publisher: Publisher, dict: SignatureDict) => this
    return new Kind(this.#publisher, { ...this.#dict, ...changes })
  }
}

/** A group's signature: calling it gives the results of its members. */
export class Group<Value = unknown, Lacks extends Missing = Missing> extends Signature<
  readonly Value[],
  Lacks
> {
  override async delay(...args: LackingArgs<Lacks>): Promise<GroupResult<Value>> {
    return await this.start(args)
  }

  override async applyAsync(
    this: IfNone<LackingArgs<Lacks>>,
    args?: undefined,
    options?: CallOptions,
  ): Promise<GroupResult<Value>>
  override async applyAsync(
    args: Readonly<LackingArgs<Lacks>>,
    options?: CallOptions,
  ): Promise<GroupResult<Value>>
  override async applyAsync<Count extends number>(
    args: PositionalOf<LackingArgs<Lacks>, AnyKwargs> & Counted<Count>,
    ...options: OptionsFor<LackingArgs<Lacks>, AnyKwargs, GivenOf<LackingArgs<Lacks>, Count>>
  ): Promise<GroupResult<Value>>
  override async applyAsync(
    args?: readonly unknown[],
    options?: ApplyOptions,
  ): Promise<GroupResult<Value>> {
    return await this.start(args, options)
  }

  protected override async start(
    args: readonly unknown[] = [],
    { kwargs = {}, ...options }: ApplyOptions = {},
  ): Promise<GroupResult<Value>> {
    return this.publisher.groupResult<Value>(
      await this.publisher.start(this.toDict(), { args, kwargs, options }),
    )
  }
}

function toKnown(options: CallOptions & Readonly<Record<string, unknown>>): {
  readonly known: CallOptions
  readonly unknown: Readonly<Record<string, unknown>>
} {
  const wire = toWireOptions(options)
  const known = fromWireOptions(wire).options
  const unknown = Object.fromEntries(Object.entries(options).filter(([name]) => !(name in known)))
  return { known, unknown }
}
