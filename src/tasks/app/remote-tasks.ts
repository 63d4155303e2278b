import type { CallOptions } from '../../protocol/tasks/call-options.ts'
import type { LackingKwargs, Nothing } from '../kwargs-types.ts'

/**
 * Tasks of other programs that types are known of: by name, their arguments and result;
 * `names` are those of the arguments that may come by keyword, too. `celery-toolbox contract pull`
 * writes a file that fills it from a Python app.
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is filled by declarations of the user's own.
export interface RemoteTasks {}

type PartOf<Name extends keyof RemoteTasks, Part extends string> = RemoteTasks[Name] extends {
  readonly [At in Part]: infer Value
}
  ? Value
  : never
export type ArgsOf<Name extends keyof RemoteTasks> = Extract<
  PartOf<Name, 'args'>,
  readonly unknown[]
>
export type ResultOf<Name extends keyof RemoteTasks> = PartOf<Name, 'result'>

/** By keyword: what is not given by position. */
export type RemoteKwargs<Name extends keyof RemoteTasks, Given extends readonly unknown[]> = PartOf<
  Name,
  'kwargs'
> &
  LackingKwargs<Extract<PartOf<Name, 'names'>, readonly string[]>, ArgsOf<Name>, Given>

/** What follows the arguments by position; keyword arguments must where something is lacking. */
export type RemoteRest<Name extends keyof RemoteTasks, Given extends readonly unknown[]> =
  Nothing extends RemoteKwargs<Name, Given>
    ? [kwargs?: RemoteKwargs<Name, Given>, options?: CallOptions]
    : [kwargs: RemoteKwargs<Name, Given>, options?: CallOptions]

/** What has types is called by them: the compiler shows them where a call lacks arguments. */
export type Unlisted<Name extends string> = Name extends keyof RemoteTasks
  ? { readonly takes: PartOf<Name, 'args'>; readonly byKeyword: PartOf<Name, 'kwargs'> }
  : Name
