import type { SignatureDict, TaskRequest } from '../../protocol/tasks/task-request.ts'

/** A running task's callbacks, in the form `signature.set()` takes. */
interface Followups {
  readonly link: readonly SignatureDict[]
  readonly linkError: readonly SignatureDict[]
}

/** Requests whose callbacks another task has taken over; the worker does not run them. */
const handedOver = new WeakSet<TaskRequest>()

/**
 * Takes the callbacks and errbacks off the running task, so that it can hand them to the last task of a
 * workflow it starts: `callback.set({ ...extractFollowups(self) })`.
 */
export function extractFollowups(task: { readonly request: TaskRequest }): Followups {
  const { request } = task
  if (handedOver.has(request)) return { link: [], linkError: [] }
  handedOver.add(request)
  return { link: request.callbacks ?? [], linkError: request.errbacks ?? [] }
}

/** The task, which ran elsewhere, has taken them. */
export function takeFollowups(request: TaskRequest): void {
  handedOver.add(request)
}

/** Whether another task has taken over the callbacks of this request. */
export function areFollowupsTaken(request: TaskRequest): boolean {
  return handedOver.has(request)
}
