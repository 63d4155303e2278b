import { AsyncLocalStorage } from 'node:async_hooks'
import type { TaskRequest } from '../protocol/task-request.ts'

const running = new AsyncLocalStorage<TaskRequest>()

/** The request of the task that is running here, so that what it publishes knows its parent and root. */
export function currentRequest(): TaskRequest | undefined {
  return running.getStore()
}

const children = new WeakMap<TaskRequest, string[]>()

/** Remembers that the running task, if there is one, has made this call. */
export function noteChild(taskId: string): void {
  const request = running.getStore()
  if (request === undefined) return
  const known = children.get(request)
  if (known === undefined) children.set(request, [taskId])
  else known.push(taskId)
}

/** The ids of the calls a task has made, what follows it included. */
export function childrenOf(request: TaskRequest): readonly string[] {
  return children.get(request) ?? []
}

/** Runs `work` as part of that request. */
export function asPartOf<Value>(request: TaskRequest, work: () => Value): Value {
  return running.run(request, work)
}
