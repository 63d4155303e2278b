import { AsyncLocalStorage } from 'node:async_hooks'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { ResultNode } from '../../results/result-node.ts'

/** What a call inherits of the task that makes it. */
export type Caller = Pick<TaskRequest, 'id' | 'rootId' | 'priority'>

const running = new AsyncLocalStorage<Caller>()

/** The request of the task that is running here, so that what it publishes knows its parent and root. */
export function currentRequest(): Caller | undefined {
  return running.getStore()
}

const children = new WeakMap<Caller, ResultNode[]>()

/** Remembers that the running task, if there is one, has called this. */
export function noteChild(child: ResultNode): void {
  const request = running.getStore()
  if (request === undefined) return
  const known = children.get(request)
  if (known === undefined) children.set(request, [child])
  else known.push(child)
}

/** Remembers what a task has called that ran elsewhere. */
export function noteChildren(request: Caller, called: readonly ResultNode[]): void {
  children.set(request, [...(children.get(request) ?? []), ...called])
}

/** What a task has called, what follows it included. */
export function childrenOf(request: TaskRequest): readonly ResultNode[] {
  return children.get(request) ?? []
}

/** Runs `work` as part of that request. */
export function runInTaskContext<Value>(request: Caller, work: () => Value): Value {
  return running.run(request, work)
}
