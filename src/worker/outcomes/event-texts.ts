import { repr } from '../../codecs/python/python-repr.ts'
import { exceptionInfo } from '../../protocol/results/exceptions.ts'
import type { ExceptionInfo, TaskResult } from '../../protocol/results/task-result.ts'
import type { Outcome } from './outcome.ts'

/** An error as Python's repr shows it: `CustomError(42, 'bad thing')`. */
function exceptionText({ excType, excMessage }: ExceptionInfo): string {
  return `${excType}(${excMessage.map((argument) => repr(argument)).join(', ')})`
}

/** The error of a result whose state says that it holds one. */
export function errorText({ result }: TaskResult): string {
  // An exception state holds an ExceptionInfo or null.
  return result === null ? 'None' : exceptionText(result as ExceptionInfo)
}

/** Celery's workers show the signal, with the error that led to it inside. */
export function retryText({ cause, countdown }: Outcome & { readonly kind: 'retry' }): string {
  const inner = cause === undefined || cause === null ? 'None' : exceptionText(exceptionInfo(cause))
  return `Retry(Retry(...), ${inner}, ${countdown})`
}
