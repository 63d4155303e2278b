import { isReady } from '../../protocol/results/states.ts'
import type { TaskResult } from '../../protocol/results/task-result.ts'

/** The latest result of each task that arrived; when there are too many, the oldest are dropped. */
export class RpcInbox {
  readonly #byId = new Map<string, TaskResult>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  /** A state that is not final never replaces one that is. */
  add(result: TaskResult): void {
    const before = this.#byId.get(result.taskId)
    if (before !== undefined && isReady(before.status) && !isReady(result.status)) return
    this.#byId.delete(result.taskId)
    this.#byId.set(result.taskId, result)
    if (this.#byId.size > this.#most) this.#dropOldest()
  }

  get(taskId: string): TaskResult | undefined {
    return this.#byId.get(taskId)
  }

  delete(taskId: string): void {
    this.#byId.delete(taskId)
  }

  #dropOldest(): void {
    for (const oldest of this.#byId.keys()) {
      this.#byId.delete(oldest)
      return
    }
  }
}
