import type { SignatureDict } from '../protocol/tasks/task-request.ts'

/** The options of `self.retry()`. */
export interface RetryOptions {
  /** Seconds until the next attempt; default the task's `defaultRetryDelay`. */
  readonly countdown?: number
  readonly eta?: Date
  /** The error that made it necessary: recorded, and thrown once retries are used up. */
  readonly cause?: unknown
  /** Overrides the task's own limit; null retries for ever. */
  readonly maxRetries?: number | null
  /** Run the next attempt with other arguments; keyword arguments that are named by them are left out. */
  readonly args?: readonly unknown[]
  /** Other keyword arguments; positional ones that they name take their values. */
  readonly kwargs?: Readonly<Record<string, unknown>>
  /** Seconds from now, or a time, after which the next attempt is dropped; null is never. Default as before. */
  readonly expires?: number | Date | string | null
}

/** Thrown on purpose: run this task again later. Made by `self.retry()`. Not an error. */
export class Retry extends Error {
  readonly options: RetryOptions

  constructor(options: RetryOptions = {}) {
    super('the task asked to be retried', { cause: options.cause })
    this.name = 'Retry'
    this.options = options
  }
}

/** Thrown on purpose: another signature takes this task's place, under its id. Made by `self.replace()`. Not an error. */
export class Replace extends Error {
  readonly signature: SignatureDict

  constructor(signature: SignatureDict) {
    super(`the task asked to be replaced by ${signature.task}`)
    this.name = 'Replace'
    this.signature = signature
  }
}

/** Thrown on purpose: forget this run; no result is stored. */
export class Ignore extends Error {
  constructor(reason = 'the task asked to be ignored') {
    super(reason)
    this.name = 'Ignore'
  }
}

interface RejectOptions {
  /** Back to the queue, or (default) away for good. */
  readonly requeue?: boolean
}

/** Thrown on purpose by a late-acking task: give the message back, or away, unacknowledged. */
export class Reject extends Error {
  readonly requeue: boolean

  constructor(reason?: string | RejectOptions, options?: RejectOptions) {
    super(typeof reason === 'string' ? reason : 'the task asked for its message to be rejected')
    this.name = 'Reject'
    const { requeue = false } = (typeof reason === 'object' ? reason : options) ?? {}
    this.requeue = requeue
  }
}

/** Whether it is one of the signals above: returned by a task it counts as thrown. */
export function isSignal(value: unknown): value is Retry | Replace | Ignore | Reject {
  if (!(value instanceof Error)) return false
  return [Retry, Replace, Ignore, Reject].some((signal) => value instanceof signal)
}

/** The task was revoked while it ran, and is to end: the reason `self.signal` aborts with. */
export class TaskRevoked extends Error {
  constructor(reason = 'the task was revoked') {
    super(reason)
    this.name = 'TaskRevoked'
  }
}

/** The soft time limit passed: the reason `self.signal` aborts with. */
export class SoftTimeLimitExceeded extends Error {
  readonly seconds: number

  constructor(seconds: number) {
    super(`the soft time limit of ${seconds} s has passed`)
    this.name = 'SoftTimeLimitExceeded'
    this.seconds = seconds
  }
}

/** The process or thread that ran a task has died: what the task's result says. */
export class WorkerLostError extends Error {
  /** Its message has killed so many that it is not to be run again. */
  readonly isPoison: boolean

  constructor(message: string, options: ErrorOptions & { readonly isPoison?: boolean } = {}) {
    super(message, options)
    this.name = 'WorkerLostError'
    this.isPoison = options.isPoison ?? false
  }
}

/** The hard time limit passed: what the task's result says. */
export class TimeLimitExceeded extends Error {
  readonly seconds: number

  constructor(seconds: number) {
    super(`the time limit of ${seconds} s has passed`)
    this.name = 'TimeLimitExceeded'
    this.seconds = seconds
  }
}
