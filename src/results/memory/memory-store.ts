import { ResultError } from '../../errors.ts'
import { isReady } from '../../protocol/results/states.ts'
import { pendingResult, type TaskResult } from '../../protocol/results/task-result.ts'
import type { ChordCounter, ResultStore, WaitOptions } from '../result-store.ts'
import { decodeRow, encodeRow, type TaskmetaRow } from '../taskmeta-row.ts'
import { Waiters } from '../waiters.ts'
import { type MemoryChordSpace, MemoryChords } from './memory-chords.ts'

interface MemoryStoreOptions {
  /** Stores of one name in one process share their results. Default "". */
  readonly name?: string
  /** Results older than this are gone; undefined keeps them while the store is open. */
  readonly expiresMs?: number | undefined
  /** Values that a result may hold: MESSAGE_LIMIT_NODES. */
  readonly maxNodes?: number | undefined
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
  readonly chords: MemoryChordSpace
  readonly groups: Map<string, readonly string[]>
}

const spaces = new Map<string, Space>()

/** Results of this process alone: for development, tests and `dev` mode. Waits are notified, nothing polls. */
export class MemoryResultStore implements ResultStore {
  readonly kind = 'memory'
  readonly features = { keeps: true, isShared: true }
  readonly #name: string
  readonly #expiresMs: number
  readonly #maxNodes: number | undefined
  readonly #space: Space
  readonly #waiters = new Waiters()
  readonly #chords: MemoryChords

  constructor(options: MemoryStoreOptions = {}) {
    this.#name = options.name ?? ''
    this.#maxNodes = options.maxNodes
    this.#expiresMs = options.expiresMs ?? Number.POSITIVE_INFINITY
    this.#space = spaces.get(this.#name) ?? emptySpace()
    this.#space.waiters.add(this.#waiters)
    spaces.set(this.#name, this.#space)
    this.#chords = new MemoryChords(this.#space.chords, {
      read: (taskId) => this.#read(taskId),
      save: (result) => this.save(result),
    })
  }

  get chords(): ChordCounter {
    this.#checkOpen()
    return this.#chords
  }

  async save(result: TaskResult): Promise<void> {
    this.#checkOpen()
    const row = encodeRow(result, { isExtended: true, maxNodes: this.#maxNodes })
    dropExpired(this.#space.kept)
    // A STARTED that comes late says nothing new of a task that is over.
    if (isReady(this.#read(row.taskId).status) && !isReady(row.status)) return
    this.#keep(row, result)
    if (isReady(row.status)) this.#notify(row.taskId)
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

  async saveGroup(groupId: string, memberIds: readonly string[]): Promise<void> {
    this.#checkOpen()
    this.#space.groups.set(groupId, [...memberIds])
  }

  async restoreGroup(groupId: string): Promise<readonly string[] | null> {
    this.#checkOpen()
    return this.#space.groups.get(groupId) ?? null
  }

  async forgetGroup(groupId: string): Promise<void> {
    this.#checkOpen()
    this.#space.groups.delete(groupId)
  }

  /** Expired results go with every save, too. */
  async cleanup(): Promise<number> {
    this.#checkOpen()
    const before = this.#space.kept.size
    dropExpired(this.#space.kept)
    return before - this.#space.kept.size
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

  #notify(taskId: string): void {
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

function emptySpace(): Space {
  return { kept: new Map(), waiters: new Set(), chords: new Map(), groups: new Map() }
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
