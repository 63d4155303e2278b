import type { CallOptions } from '../protocol/tasks/call-options.ts'
import type { Beginnings } from './task-types.ts'

/** Keyword arguments where nothing is known of them. */
export type AnyKwargs = Readonly<Record<string, unknown>>

/** No keyword arguments: nothing would receive them. */
export type NoKwargs = Readonly<Record<string, never>>

declare const names: unique symbol
declare const input: unique symbol
declare const beside: unique symbol

/** Keyword arguments that find their place by the names in `params`. */
export interface NamedKwargs<Names extends readonly string[], Args extends readonly unknown[]> {
  readonly [names]: readonly [Names, Args]
}

/** Those that are merged into the last argument. */
export interface MergedKwargs<Input> {
  readonly [input]: Input
}

/** Those that fill no parameter: the arguments are all given by position. */
export interface BesideKwargs<Kwargs> {
  readonly [beside]: Kwargs
}

/** What may be given by position where keyword arguments bring the rest. */
export type PositionalOf<Args extends readonly unknown[], Kwargs> = Kwargs extends
  | BesideKwargs<unknown>
  | NoKwargs
  ? Readonly<Args>
  : Beginnings<Args>

/** The keyword arguments that a call takes, and must bring, beside those it gives by position. */
export type KwargsFor<Kwargs, Given extends readonly unknown[]> =
  Kwargs extends NamedKwargs<infer Names, infer Args>
    ? LackingKwargs<Names, Args, Given>
    : Kwargs extends MergedKwargs<infer Input>
      ? Given extends readonly []
        ? Filling<Input>
        : Partial<Filling<Input>>
      : Kwargs extends BesideKwargs<infer Beside>
        ? Beside
        : unknown extends Kwargs
          ? AnyKwargs
          : Kwargs

/** What is there where nothing must be. */
export type Nothing = Record<never, never>

/** By name, what is not given by position: required where the parameter is. What is given already is refused. */
export type LackingKwargs<
  Names extends readonly string[],
  Args extends readonly unknown[],
  Given extends readonly unknown[],
> = Flat<
  {
    readonly [At in Exclude<RequiredAt<Args>, PlaceIn<Given>> as NameAt<Names, At>]: Args[At]
  } & {
    readonly [At in Exclude<PlaceIn<Names>, RequiredAt<Args> | PlaceIn<Given>> as NameAt<
      Names,
      At
    >]?: TypeAt<Args, At>
  } & {
    readonly [At in PlaceIn<Given> as NameAt<Names, At>]?: never
  }
>

/** As the compiler shows it in its errors. */
type Flat<Several> = { [Name in keyof Several]: Several[Name] }

/** "0", "1" and so on. */
type PlaceIn<List extends readonly unknown[]> = Extract<keyof List, `${number}`>

type NameAt<Names extends readonly string[], At> = At extends PlaceIn<Names> ? Names[At] : never
type TypeAt<Args extends readonly unknown[], At> = At extends keyof Args ? Args[At] : unknown

/** Where the arguments are that have no default. */
type RequiredAt<Args extends readonly unknown[]> = {
  [At in PlaceIn<Args>]-?: object extends Pick<Args, At> ? never : At
}[PlaceIn<Args>]

/** An input without its keys is none of keyword arguments. */
type Filling<Input> = [Extract<Input, object>] extends [never]
  ? never
  : Readonly<Extract<Input, object>>

/** What a signature takes by name when it is called: one with arguments of its own gets those before them by position. */
export type KwargsAfter<Kwargs, Given extends readonly unknown[], Lacks> = Given extends readonly []
  ? Kwargs
  : BesideKwargs<
      Lacks extends readonly unknown[] ? KwargsFor<Kwargs, readonly [...Lacks, ...Given]> : never
    >

/** The options of a call; they must bring keyword arguments where something is lacking. */
export type OptionsFor<Args extends readonly unknown[], Kwargs, Given extends readonly unknown[]> =
  IsWhole<Args, Given> extends true
    ? [options?: CallOptions & { readonly kwargs?: KwargsFor<Kwargs, Given> }]
    : [options: CallOptions & { readonly kwargs: KwargsFor<Kwargs, Given> }]

type IsWhole<Args extends readonly unknown[], Given extends readonly unknown[]> = [
  Exclude<RequiredAt<Args>, PlaceIn<Given>>,
] extends [never]
  ? true
  : false

/** A list whose length is known: the compiler counts what is written. */
export interface Counted<Count extends number> {
  readonly length: Count
  readonly 0?: unknown
}

/** The first so many of the arguments, each of any type; all of them, if the number is not known. */
export type GivenOf<
  Args extends readonly unknown[],
  Count extends number,
  Given extends readonly unknown[] = readonly [],
> = number extends Count
  ? Args
  : Given['length'] extends Count
    ? Given
    : GivenOf<Args, Count, readonly [...Given, unknown]>
