import { AsyncLocalStorage } from 'node:async_hooks'
import type { TaskRequest } from '../protocol/task-request.ts'

const running = new AsyncLocalStorage<TaskRequest>()

/** The request of the task that is running here, so that what it publishes knows its parent and root. */
export function currentRequest(): TaskRequest | undefined {
  return running.getStore()
}

/** Runs `work` as part of that request. */
export function asPartOf<Value>(request: TaskRequest, work: () => Value): Value {
  return running.run(request, work)
}
