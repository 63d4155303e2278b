import { repr } from '../../codecs/python/python-repr.ts'
import { exceptionInfo, tracebackOf } from '../../protocol/results/exceptions.ts'
import type { ExceptionInfo, TaskResult } from '../../protocol/results/task-result.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import { toIso } from '../../protocol/times.ts'
import { tupleOfNode } from '../../results/result-node.ts'
import { childrenOf } from '../../tasks/calls/current-request.ts'
import { SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError } from '../../tasks/signals.ts'
import { textOfError } from '../../text-of-error.ts'
import { MaxRetriesExceededError } from '../retries/retries.ts'
import type { Outcome } from './outcome.ts'

/** Where a task runs, for results that say so. */
export interface RunPlace {
  readonly worker: string
  readonly queue: string
}

/** The result an outcome is stored as; null where nothing is stored. */
export function resultOf(
  request: TaskRequest,
  outcome: Outcome,
  place: RunPlace,
): TaskResult | null {
  const about = aboutRequest(request, place)
  switch (outcome.kind) {
    case 'success':
      return {
        ...about,
        status: 'SUCCESS',
        result: outcome.value ?? null,
        traceback: null,
        dateDone: new Date(),
      }
    case 'failure':
      return failureResult(about, outcome.error)
    case 'retry':
      return {
        ...about,
        status: 'RETRY',
        result: outcome.cause === undefined ? null : exceptionInfo(outcome.cause),
        traceback: retryTraceback(outcome),
        // As in Python, the next attempt is a call that this one has made.
        children: [...(about.children ?? []), [[request.id, null], null]],
        dateDone: null,
      }
    case 'revoked':
      return {
        ...about,
        status: 'REVOKED',
        result: celeryException('TaskRevokedError', outcome.reason),
        traceback: null,
        dateDone: new Date(),
      }
    case 'reject':
      if (outcome.requeue) return null
      return {
        ...about,
        status: 'FAILURE',
        result: celeryException('Reject', outcome.reason, false),
        traceback: null,
        dateDone: new Date(),
      }
    case 'abandoned':
      return outcome.isCancelled === true ? cancelledResult(about) : null
    case 'replaced':
    case 'ignore':
      return null
  }
}

/** The result of a task that is revoked before a worker has begun it. */
export function revokedResult(taskId: string): TaskResult {
  return {
    taskId,
    status: 'REVOKED',
    result: celeryException('TaskRevokedError', 'revoked'),
    traceback: null,
    dateDone: new Date(),
  }
}

/** The result of a task that is not registered here. */
export function notRegisteredResult(request: TaskRequest, place: RunPlace): TaskResult {
  return {
    ...aboutRequest(request, place),
    status: 'FAILURE',
    result: celeryException('NotRegistered', request.task),
    traceback: null,
    dateDone: new Date(),
  }
}

/** The result of a task whose return value has no form in the result backend. */
export function unencodableResult(
  request: TaskRequest,
  place: RunPlace,
  cause: unknown,
): TaskResult {
  const text = textOfError(cause)
  return {
    ...aboutRequest(request, place),
    status: 'FAILURE',
    result: { excType: 'EncodeError', excModule: 'kombu.exceptions', excMessage: [text] },
    traceback: tracebackOf(cause),
    dateDone: new Date(),
  }
}

/** STARTED, or a state of the task's own. */
export function stateResult(
  request: TaskRequest,
  place: RunPlace,
  { state, meta }: { readonly state: string; readonly meta: unknown },
): TaskResult {
  return {
    ...aboutRequest(request, place),
    status: state,
    result: meta,
    traceback: null,
    dateDone: null,
  }
}

/** Has each key of what is made of it: V8 gives a copy that gets keys four times the room. */
function aboutRequest(request: TaskRequest, place: RunPlace): TaskResult {
  return {
    taskId: request.id,
    status: '',
    result: null,
    traceback: null,
    dateDone: null,
    name: request.task,
    args: request.args,
    kwargs: request.kwargs,
    worker: place.worker,
    retries: request.retries,
    queue: place.queue,
    parentId: request.parentId,
    groupId: request.group,
    // As result tuples: [[id, parent], children], https://docs.celeryq.dev/en/stable/internals/protocol.html
    children: childrenOf(request).map(tupleOfNode),
    replyTo: request.replyTo,
    correlationId: request.correlationId ?? request.id,
  }
}

function failureResult(about: TaskResult, error: unknown): TaskResult {
  return {
    ...about,
    status: 'FAILURE',
    result: infoOf(error),
    traceback: tracebackOf(error),
    dateDone: new Date(),
  }
}

/** Python stores `Retry('cancelled by Celery')`, whose arguments are those of every Retry. */
function cancelledResult(about: TaskResult): TaskResult {
  return {
    ...about,
    status: 'RETRY',
    result: celeryException('Retry', 'Retry(Retry(...), None, None)', null, null),
    traceback: null,
    dateDone: null,
  }
}

/** Our own errors go by the names that Python has for them. */
function infoOf(error: unknown): ExceptionInfo {
  if (error instanceof TimeLimitExceeded) return billiardException(error.name, error.seconds)
  if (error instanceof SoftTimeLimitExceeded) return billiardException(error.name)
  if (error instanceof WorkerLostError) return billiardException(error.name, error.message)
  if (error instanceof MaxRetriesExceededError) return celeryException(error.name, error.message)
  return exceptionInfo(error)
}

function billiardException(excType: string, ...excMessage: readonly unknown[]): ExceptionInfo {
  return { excType, excModule: 'billiard.exceptions', excMessage }
}

/** It ends as Python's do: with the signal, when the next attempt is, and why. */
function retryTraceback({
  cause,
  countdown,
  options,
}: Outcome & { readonly kind: 'retry' }): string {
  const when = options.eta === undefined ? `in ${countdown}s` : `at ${toIso(options.eta)}`
  const signal = `celery.exceptions.Retry: Retry ${when}`
  if (cause === undefined) return `${signal}\n`
  const { excType, excMessage } = exceptionInfo(cause)
  const args = excMessage.map((argument) => repr(argument)).join(', ')
  return `${tracebackOf(cause)}\n\n${signal}: ${excType}(${args})\n`
}

function celeryException(excType: string, ...excMessage: readonly unknown[]): ExceptionInfo {
  return { excType, excModule: 'celery.exceptions', excMessage }
}
