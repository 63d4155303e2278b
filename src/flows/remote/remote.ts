import type { AnyValues, AtomContext } from '../atoms/task.ts'
import { CompilationFailure } from '../failures/flow-errors.ts'

interface RemoteOptions {
  /** Default: where the task's name is routed to. */
  readonly queue?: string
  readonly priority?: number
}

/** A step that a Celery worker runs, in either language: its values are the task's keyword arguments. */
export interface RemoteFunction {
  (values: AnyValues, context: AtomContext): unknown
  readonly remote: RemoteTask
}

interface RemoteTask {
  readonly task: string
  readonly options: RemoteOptions
  readonly constants?: Readonly<Record<string, unknown>>
}

/** A Celery task of another app, as the execute or the revert of a step. */
export function remote(task: string, options: RemoteOptions = {}): RemoteFunction {
  if (typeof task !== 'string' || task === '') {
    throw new CompilationFailure(`remote() needs the name of a task, found ${JSON.stringify(task)}`)
  }
  const refuse = () => {
    throw new CompilationFailure(
      `step "${task}" is a Celery task: give the engine or the conductor the app (remotes: celeryRemotes(app))`,
    )
  }
  return Object.assign(refuse, { remote: { task, options } })
}

export function isRemote(run: unknown): run is RemoteFunction {
  return typeof run === 'function' && 'remote' in run
}

/** A call of a remote step. Each attempt has an id of its own, so that a late answer of an earlier one changes nothing. */
export interface RemoteCall extends RemoteTask {
  readonly attemptId: string
  readonly flowId: string
  readonly flow: string
  readonly atom: string
  readonly action: 'execute' | 'revert'
  readonly values: Readonly<Record<string, unknown>>
  /** The attempt of the step before; of the first step the flow. */
  readonly parentId: string
}

/** Runs remote steps; Celery fulfils it, and so may any other queue of work. */
export interface Remotes {
  /**
   * Resolves once the call is safe with the broker, however long the broker is away; rejects where the call is refused, or
   * once the signal is aborted. A call whose confirm was lost may be published twice.
   */
  start(call: RemoteCall, signal: AbortSignal): Promise<void>
  /** The answer of an attempt; rejects with what it failed with, or once the signal is aborted. */
  outcome(attemptId: string, signal: AbortSignal): Promise<unknown>
  /** The answer where there is one by now. */
  peek(
    attemptId: string,
  ): Promise<{ readonly value: unknown } | { readonly error: unknown } | undefined>
  /** The attempt is not to run any more. */
  revoke(attemptId: string): Promise<void>
}
