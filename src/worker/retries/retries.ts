import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import { Ignore, Reject, Replace, Retry } from '../../tasks/signals.ts'
import type { TaskOptions } from '../../tasks/task-options.ts'
import type { Outcome } from '../outcomes/outcome.ts'
import { readable } from '../outcomes/thrown.ts'

/** Seconds, https://docs.celeryq.dev/en/stable/reference/celery.app.task.html#celery.app.task.Task.default_retry_delay */
const DEFAULT_RETRY_DELAY = 180
const DEFAULT_MAX_RETRIES = 3
const DEFAULT_BACKOFF_MAX = 600

/** The task has been retried as often as it may be. */
export class MaxRetriesExceededError extends Error {
  constructor(request: TaskRequest) {
    super(
      `Can't retry ${request.task}[${request.id}] args:${request.argsrepr ?? '()'} kwargs:${request.kwargsrepr ?? '{}'}`,
    )
    this.name = 'MaxRetriesExceededError'
  }
}

/** What something thrown by a task means: a failure, or one of the signals. */
export function outcomeOfError(
  something: unknown,
  request: TaskRequest,
  options: TaskOptions,
  runtimeMs: number,
): Outcome {
  const thrown = readable(something)
  if (thrown instanceof Retry) return retryOrFailure(thrown, request, options, runtimeMs)
  if (thrown instanceof Replace) return { kind: 'replaced', signature: thrown.signature }
  if (thrown instanceof Ignore) return { kind: 'ignore' }
  if (thrown instanceof Reject) {
    return { kind: 'reject', reason: thrown.message, requeue: thrown.requeue }
  }
  if (retriesByItself(thrown, options)) {
    const countdown = automaticDelay(request.retries, options)
    return retryOrFailure(new Retry({ cause: thrown, countdown }), request, options, runtimeMs)
  }
  return { kind: 'failure', error: thrown, runtimeMs }
}

/** The retries of the message decide, not a counter of ours: the attempt before may have run elsewhere. */
function retryOrFailure(
  signal: Retry,
  request: TaskRequest,
  options: TaskOptions,
  runtimeMs: number,
): Outcome {
  const own = signal.options.maxRetries
  const limit = own === undefined ? (options.maxRetries ?? defaultLimit(options)) : own
  const cause = readable(signal.options.cause)
  if (limit !== null && request.retries + 1 > limit) {
    return { kind: 'failure', error: cause ?? new MaxRetriesExceededError(request), runtimeMs }
  }
  const { countdown = options.defaultRetryDelay ?? DEFAULT_RETRY_DELAY } = signal.options
  return { kind: 'retry', countdown, options: signal.options, cause }
}

function defaultLimit({ maxRetries }: TaskOptions): number | null {
  return maxRetries === null ? null : DEFAULT_MAX_RETRIES
}

function retriesByItself(error: unknown, options: TaskOptions): boolean {
  const { autoretryFor = [], dontAutoretryFor = [] } = options
  return (
    autoretryFor.some((type) => error instanceof type) &&
    !dontAutoretryFor.some((type) => error instanceof type)
  )
}

/**
 * Seconds until the next attempt: the default delay, or twice as long each time, spread at random. Whole seconds, as
 * Celery's `get_exponential_backoff_interval` has them.
 */
export function automaticDelay(
  retries: number,
  options: TaskOptions,
  random: () => number = Math.random,
): number {
  const {
    retryBackoff = false,
    retryBackoffMax = DEFAULT_BACKOFF_MAX,
    retryJitter = true,
  } = options
  if (!retryBackoff) return options.defaultRetryDelay ?? DEFAULT_RETRY_DELAY
  const factor = Math.trunc(Math.max(1, Number(retryBackoff)))
  const full = Math.min(Math.trunc(retryBackoffMax), factor * 2 ** retries)
  return retryJitter ? Math.floor(random() * (full + 1)) : full
}
