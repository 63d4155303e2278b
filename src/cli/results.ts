import { isExceptionState, isReady } from '../protocol/results/states.ts'
import type { ExceptionInfo, TaskResult } from '../protocol/results/task-result.ts'
import type { ResultStore } from '../results/result-store.ts'
import { jsonText } from './output/json-text.ts'
import { print, printError, printJson } from './output/output.ts'

export async function awaitResult(
  store: ResultStore,
  taskId: string,
  timeoutSeconds: number | undefined,
): Promise<TaskResult> {
  return await store.waitFor(
    taskId,
    timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1_000 },
  )
}

/** The result on standard output; what went wrong on standard error, and then the exit code is 1. */
export function printResult(result: TaskResult, options: { readonly isJson: boolean }): void {
  const hasFailed = isReady(result.status) && result.status !== 'SUCCESS'
  if (hasFailed) process.exitCode = 1
  if (options.isJson) printJson(result)
  else if (hasFailed) printFailure(result)
  else print(isReady(result.status) ? jsonText(result.result) : progressText(result))
}

function printFailure({ taskId, status, result, traceback }: TaskResult): void {
  if (traceback !== null) printError(traceback.trimEnd())
  printError(`error: task ${taskId} ended as ${status}: ${exceptionText(result)} [TASK_FAILED]`)
}

function progressText({ status, result }: TaskResult): string {
  if (result === null || result === undefined) return status
  return `${status} ${isExceptionState(status) ? exceptionText(result) : jsonText(result)}`
}

function exceptionText(value: unknown): string {
  if (!isExceptionInfo(value)) return 'no reason is stored'
  const args = value.excMessage.map((part) => (typeof part === 'string' ? part : jsonText(part)))
  return args.length === 0 ? value.excType : `${value.excType}: ${args.join(', ')}`
}

function isExceptionInfo(value: unknown): value is ExceptionInfo {
  return typeof value === 'object' && value !== null && 'excType' in value && 'excMessage' in value
}
