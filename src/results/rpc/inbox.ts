import { ResultError } from '../../errors.ts'
import { isReady } from '../../protocol/results/states.ts'
import type { TaskResult } from '../../protocol/results/task-result.ts'

/** The latest result of each task that arrived, or why it cannot be read; when there are too many, the oldest are dropped. */
export class RpcInbox {
  readonly #byId = new Map<string, TaskResult | ResultError>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  /** A state that is not final never replaces one that is. */
  add(result: TaskResult): void {
    if (this.#isOver(result.taskId) && !isReady(result.status)) return
    this.#put(result.taskId, result)
  }

  /** The same of one that cannot be read: who asks for it later learns why. */
  addUnreadable(taskId: string, error: ResultError): void {
    if (!this.#isOver(taskId)) this.#put(taskId, error)
  }

  /** Throws the error of one that cannot be read. */
  get(taskId: string): TaskResult | undefined {
    const kept = this.#byId.get(taskId)
    if (kept instanceof ResultError) throw kept
    return kept
  }

  delete(taskId: string): void {
    this.#byId.delete(taskId)
  }

  #isOver(taskId: string): boolean {
    const kept = this.#byId.get(taskId)
    return kept !== undefined && !(kept instanceof ResultError) && isReady(kept.status)
  }

  #put(taskId: string, kept: TaskResult | ResultError): void {
    this.#byId.delete(taskId)
    this.#byId.set(taskId, kept)
    if (this.#byId.size > this.#most) this.#dropOldest()
  }

  #dropOldest(): void {
    for (const oldest of this.#byId.keys()) {
      this.#byId.delete(oldest)
      return
    }
  }
}
