import { ResultError } from '../errors.ts'
import { isReady } from '../protocol/states.ts'
import { pendingResult, type TaskResult } from '../protocol/task-result.ts'
import type { ResultStore, WaitOptions } from './result-store.ts'
import { decodeRow, encodeRow, type TaskmetaRow } from './taskmeta-row.ts'
import { Waiters } from './waiters.ts'

export interface MemoryStoreOptions {
  /** Stores of one name in one process share their results. Default "". */
  readonly name?: string
  /** Results older than this are gone; undefined keeps them while the store is open. */
  readonly expiresMs?: number | undefined
}

interface Kept {
  /** In its stored form, so that a result is here what it would be in PostgreSQL. */
  readonly row: TaskmetaRow
  readonly lineage: Pick<TaskResult, 'parentId' | 'groupId'>
  readonly expiresAt: number
}

/** What the stores of one name share; it lives while one of them is open. */
interface Space {
  /** In the order of saving, so that the oldest come first. */
  readonly kept: Map<string, Kept>
  readonly waiters: Set<Waiters>
}

const spaces = new Map<string, Space>()

/** Results of this process alone: for development, tests and `dev` mode. Whoever waits is told, nothing polls. */
export class MemoryResultStore implements ResultStore {
  readonly kind = 'memory'
  readonly #name: string
  readonly #expiresMs: number
  readonly #space: Space
  readonly #waiters = new Waiters()

  constructor(options: MemoryStoreOptions = {}) {
    this.#name = options.name ?? ''
    this.#expiresMs = options.expiresMs ?? Number.POSITIVE_INFINITY
    this.#space = spaces.get(this.#name) ?? { kept: new Map(), waiters: new Set() }
    this.#space.waiters.add(this.#waiters)
    spaces.set(this.#name, this.#space)
  }

  async save(result: TaskResult): Promise<void> {
    this.#checkOpen()
    const row = encodeRow(result, true)
    dropExpired(this.#space.kept)
    // A STARTED that comes late says nothing new of a task that is over.
    if (isReady(this.#read(row.taskId).status) && !isReady(row.status)) return
    this.#keep(row, result)
    if (isReady(row.status)) this.#tell(row.taskId)
  }

  async get(taskId: string): Promise<TaskResult> {
    this.#checkOpen()
    return this.#read(taskId)
  }

  async waitFor(taskId: string, options: WaitOptions = {}): Promise<TaskResult> {
    this.#checkOpen()
    options.signal?.throwIfAborted()
    // Nothing is awaited between looking and waiting: a result saved in between would be missed.
    const result = this.#read(taskId)
    return isReady(result.status) ? result : this.#waiters.wait(taskId, options)
  }

  async forget(taskId: string): Promise<void> {
    this.#checkOpen()
    this.#space.kept.delete(taskId)
  }

  async close(): Promise<void> {
    if (!this.#space.waiters.delete(this.#waiters)) return
    this.#waiters.rejectAll(closed())
    if (this.#space.waiters.size === 0) spaces.delete(this.#name)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #keep(row: TaskmetaRow, { parentId, groupId }: TaskResult): void {
    const { kept } = this.#space
    const lineage = {
      ...(parentId !== undefined && { parentId }),
      ...(groupId !== undefined && { groupId }),
    }
    kept.delete(row.taskId)
    kept.set(row.taskId, { row, lineage, expiresAt: Date.now() + this.#expiresMs })
  }

  #tell(taskId: string): void {
    for (const waiters of this.#space.waiters) {
      if (waiters.has(taskId)) waiters.resolve(this.#read(taskId))
    }
  }

  #read(taskId: string): TaskResult {
    const kept = this.#space.kept.get(taskId)
    if (!kept || kept.expiresAt <= Date.now()) return pendingResult(taskId)
    return { ...decodeRow(kept.row), ...kept.lineage }
  }

  #checkOpen(): void {
    if (!this.#space.waiters.has(this.#waiters)) throw closed()
  }
}

function dropExpired(kept: Map<string, Kept>): void {
  const now = Date.now()
  for (const [taskId, { expiresAt }] of kept) {
    if (expiresAt > now) return
    kept.delete(taskId)
  }
}

function closed(): ResultError {
  return new ResultError('RESULT_CLOSED', 'the memory result store was used after close()')
}
