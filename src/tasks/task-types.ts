import type { CallOptions } from '../protocol/tasks/call-options.ts'
import type { TaskContext } from './task-context.ts'
import type { StandardSchema } from './task-options.ts'

/** What a task runs: its own arguments, or its context first where it is declared with `bind`. */
export type TaskFunction<Args extends readonly unknown[], Value> = (
  ...args: Args
) => Value | Promise<Value>

export type BoundTaskFunction<Args extends readonly unknown[], Value> = (
  self: TaskContext,
  ...args: Args
) => Value | Promise<Value>

export type AnySchema = StandardSchema<unknown, unknown>

/** What a schema takes, before it fills in defaults and converts. */
export type InputOf<Schema extends AnySchema> = NonNullable<Schema['~standard']['types']>['input']
/** What the function gets. */
export type OutputOf<Schema extends AnySchema> = NonNullable<Schema['~standard']['types']>['output']

/** Keyword arguments where nothing is known of them. */
export type AnyKwargs = Readonly<Record<string, unknown>>

/** Keyword arguments by the names in `params`. */
export type NamedKwargs<Names extends readonly string[], Args extends readonly unknown[]> = {
  readonly [At in keyof Names as At extends `${number}`
    ? Names[At] & string
    : never]?: At extends keyof Args ? Args[At] : unknown
}

/** Those that are merged into the last argument, an object. */
export type MergedKwargs<Last> = Last extends object ? Readonly<Partial<Last>> : AnyKwargs

/** Marks a signature that takes nothing from the task before it. */
declare const immutable: unique symbol
export type Immutable = typeof immutable

/** The arguments that a signature still lacks: those before its own, from the task before it or from its caller. */
export type Missing = readonly unknown[] | Immutable

/** The arguments without the first; of optional ones too. */
type Tail<Args extends readonly unknown[]> = Args extends readonly [
  _?: unknown,
  ...rest: infer Rest,
]
  ? Rest
  : readonly []

/** Every run of arguments that the function may end with: all, all but the first, and so on. */
export type Endings<Args extends readonly unknown[]> = number extends Args['length']
  ? Args
  : Args extends readonly []
    ? readonly []
    : Readonly<Args> | Endings<Tail<Args>>

/** The arguments that come before these given ones; a function without any takes no notice of what it is given. */
export type Before<
  Args extends readonly unknown[],
  Given extends readonly unknown[],
> = Args extends readonly [] ? Immutable : Leading<Args, Given>

type Leading<
  Args extends readonly unknown[],
  Given extends readonly unknown[],
  Passed extends readonly unknown[] = readonly [],
> = number extends Args['length']
  ? Args
  : Given extends Readonly<Args>
    ? Passed
    : Args extends readonly [(infer First)?, ...infer Rest]
      ? Leading<Rest, Given, readonly [...Passed, First]>
      : Passed

/** What a call takes from a list of single arguments. */
export type ItemOf<Args extends readonly unknown[]> = Args extends readonly []
  ? unknown
  : [Args[0]] extends Args
    ? Args[0]
    : never

/** `this` of what may be called without arguments. */
export type IfNone<Args extends readonly unknown[]> = [] extends Args ? unknown : never

/** Options of a call with keyword arguments. */
export type WithKwargs<Kwargs> = CallOptions & { readonly kwargs: Kwargs }
/** Options of a call whose arguments are all positional. */
export type WithoutKwargs = CallOptions & { readonly kwargs?: NoKwargs }

/** No keyword arguments: nothing would receive them. */
export type NoKwargs = Readonly<Record<string, never>>

/** What is passed to a signature before its own arguments. */
export type LackingArgs<Lacks extends Missing> = Lacks extends readonly unknown[]
  ? Lacks
  : readonly []

/** Whether a step takes what the one before it returns; what is not known fits. */
export type Takes<Lacks, Value> = Lacks extends Immutable
  ? true
  : unknown extends Value
    ? true
    : // An empty group is skipped.
      Value extends readonly never[]
      ? true
      : [AsSent<Value>] extends Lacks
        ? true
        : false

/** A list that has been sent belongs to its receiver; what is not known fits everywhere. */
type AsSent<Value> = unknown extends Value
  ? never
  : Value extends readonly unknown[]
    ? { -readonly [At in keyof Value]: AsSent<Value[At]> }
    : Value
