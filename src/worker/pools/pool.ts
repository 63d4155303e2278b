import type { EventFields } from '../../events/event-fields.ts'
import type { Logger } from '../../logger.ts'
import type { SignatureDict, TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { AsyncResult } from '../../results/async-result.ts'
import type { Task } from '../../tasks/task.ts'
import type { Outcome } from '../outcomes/outcome.ts'

/** How running tasks are ended. */
export interface Termination {
  /** What the task's signal says. */
  readonly reason: string | undefined
  /** The number of the signal that would have ended the process of a Python worker. */
  readonly signum: number
}

/** As `-P`, `worker_pool` and the task option `pool` name it. */
export type PoolName = 'async' | 'threads' | 'processes'

/**
 * Where the functions of tasks are called: in this event loop, in threads, in child processes. The worker decides which
 * task runs when, and settles its message; a pool knows nothing of messages.
 */
export interface Pool {
  readonly name: PoolName
  /** Whether a hard time limit and a termination end the function itself, not only the wait for it. */
  readonly canKill: boolean
  /** The processes that run tasks. */
  readonly pids: readonly number[]
  /** Resolves once it has room for that many runs. Throws `TaskError` where its children cannot load the app. */
  start(size: number): Promise<void>
  /** Begins one run; the pool never refuses, as the worker gives it no more runs than it has slots. */
  run(call: PoolCall): PoolRun
  /** Room for more runs, or fewer: a run that has begun is not cut short. */
  resize(size: number): void
  /** Runs that begin from now on have the app loaded anew, where the pool has children to load it. */
  restart(): void
  /** Ends its children, also in the middle of a task. */
  stop(): Promise<void>
}

export interface PoolCall {
  readonly request: TaskRequest
  readonly task: Task<readonly never[], unknown>
  readonly environment: RunEnvironment
}

/** One run. Its outcome never rejects: an error, a limit or a lost child is an outcome too. */
export interface PoolRun {
  /** Of the process that runs it. */
  readonly pid: number
  readonly outcome: Promise<Outcome>
  /** The worker stops and does not wait, or has lost the message: the run counts as not having been. */
  abandon(reason?: Error): void
  /** The task was revoked while it runs. */
  terminate(termination: Termination): void
}

/** What a running task may use of its worker. */
export interface RunEnvironment {
  readonly logger: Logger
  readonly saveState: (state: string, meta: unknown) => Promise<void>
  readonly sendEvent: (type: string, fields: EventFields) => Promise<void>
  readonly addToChord: (signature: SignatureDict) => Promise<AsyncResult>
  readonly limits: RunLimits
}

/** Seconds; null or 0: no limit. */
export interface RunLimits {
  readonly softTimeLimit: number | null
  readonly timeLimit: number | null
}
