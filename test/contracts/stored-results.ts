import type { ExceptionInfo, TaskResult } from '../../src/protocol/results/task-result.ts'
import type { ResultStore } from '../../src/results/result-store.ts'

/** Opens a store; two stores opened in one test share what is stored. The test closes it. */
export type OpenStore = () => Promise<ResultStore>

let last = 0

/** An id no other test uses. */
export function freshId(): string {
  last += 1
  return `${process.pid}-${Date.now()}-${last}`
}

export function success(value: unknown): TaskResult {
  return {
    taskId: freshId(),
    status: 'SUCCESS',
    result: value,
    traceback: null,
    dateDone: new Date('2024-05-06T07:08:09.010Z'),
  }
}

export function failure(exception: ExceptionInfo, traceback: string | null): TaskResult {
  return { ...success(exception), status: 'FAILURE', traceback }
}

export function started(taskId: string): TaskResult {
  const result = { pid: 1, hostname: 'w1@host' }
  return { taskId, status: 'STARTED', result, traceback: null, dateDone: null }
}
