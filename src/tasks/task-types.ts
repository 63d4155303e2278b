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

/** The arguments of a call where a schema checks the one there is. */
export type SchemaArgs<Input> = undefined extends Input ? [input?: Input] : [input: Input]

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

/** Every run of arguments that a call may begin with: none, the first, and so on to all. */
export type Beginnings<
  Args extends readonly unknown[],
  Taken extends readonly unknown[] = readonly [],
> = number extends Args['length']
  ? readonly [...Taken, ...Partial<Args>]
  : Args extends readonly []
    ? Taken
    : Args extends readonly [(infer First)?, ...infer Rest]
      ? Taken | Beginnings<Rest, readonly [...Taken, First]>
      : Taken

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
