import { isReady } from '../protocol/results/states.ts'
import type { TaskResult } from '../protocol/results/task-result.ts'
import type { ChordCounter, ResultStore, WaitOptions } from './result-store.ts'
import { StoreLife } from './store-life.ts'

interface Watcher {
  wait(taskId: string, options: WaitOptions): Promise<TaskResult>
}

interface Groups {
  save(groupId: string, memberIds: readonly string[]): Promise<void>
  restore(groupId: string): Promise<readonly string[] | null>
  forget(groupId: string): Promise<void>
}

/** What the stores of PostgreSQL and Redis share: waits, saved groups, the counter of chords, and one end. */
export abstract class ServerStore implements ResultStore {
  abstract readonly kind: string
  readonly features = { keeps: true, isShared: true }
  protected readonly life: StoreLife
  protected abstract readonly watcher: Watcher
  protected abstract readonly counter: ChordCounter
  protected abstract readonly groups: Groups

  constructor(name: string) {
    this.life = new StoreLife(name)
  }

  abstract save(result: TaskResult): Promise<void>

  abstract forget(taskId: string): Promise<void>

  /** PENDING where nothing is stored. */
  protected abstract read(taskId: string): Promise<TaskResult>

  /** Closes what the subclass has opened; called once, after the saves under way. */
  protected abstract end(): Promise<void>

  get chords(): ChordCounter {
    this.life.checkOpen()
    return this.counter
  }

  async get(taskId: string): Promise<TaskResult> {
    this.life.checkOpen()
    return await this.read(taskId)
  }

  async waitFor(taskId: string, options: WaitOptions = {}): Promise<TaskResult> {
    this.life.checkOpen()
    options.signal?.throwIfAborted()
    if (options.timeoutMs !== undefined && options.timeoutMs <= 0) {
      // No time to wait, but one look is due.
      const result = await this.read(taskId)
      if (isReady(result.status)) return result
    }
    return await this.watcher.wait(taskId, options)
  }

  async saveGroup(groupId: string, memberIds: readonly string[]): Promise<void> {
    this.life.checkOpen()
    await this.groups.save(groupId, memberIds)
  }

  async restoreGroup(groupId: string): Promise<readonly string[] | null> {
    this.life.checkOpen()
    return await this.groups.restore(groupId)
  }

  async forgetGroup(groupId: string): Promise<void> {
    this.life.checkOpen()
    await this.groups.forget(groupId)
  }

  /** Finishes the saves under way, then rejects the waits that are left. */
  close(): Promise<void> {
    return this.life.close(() => this.end())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
