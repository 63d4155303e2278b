import type { Backoff } from '../../async/backoff.ts'
import { type Serializer, serializerByName } from '../../codecs/serializers.ts'
import type { Database } from '../../database/database.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { isReady } from '../../protocol/results/states.ts'
import { pendingResult, type TaskResult } from '../../protocol/results/task-result.ts'
import type { ChordCounter, ChordMember, ResultStore, WaitOptions } from '../result-store.ts'
import { StoreLife } from '../store-life.ts'
import { decodeRow, encodeRow, type TaskmetaRow } from '../taskmeta-row.ts'
import { deleteExpired } from './delete-expired.ts'
import { PostgresChords } from './postgres-chords.ts'
import { PostgresGroups } from './postgres-groups.ts'
import { PostgresWatcher } from './postgres-watcher.ts'
import { listenForResults, ResultAnnouncer } from './result-announcer.ts'
import { BatchWriter } from './saving/batch-writer.ts'
import type { ChordState } from './tables/chord-table.ts'
import { CELERY_TABLES, type TaskmetaTables } from './tables/taskmeta-sql.ts'
import { TaskmetaTable } from './tables/taskmeta-table.ts'

export interface PostgresStoreOptions {
  readonly database: Database
  /** Close the database with the store. Default: the code that opened it closes it. */
  readonly ownsDatabase?: boolean
  /** Keep name, arguments, worker, retries and queue too: Celery's result_extended. */
  readonly isExtended?: boolean
  /** Celery's result_serializer: the form of args, kwargs and children; results are pickled all the same. Default json. */
  readonly serializer?: string | undefined
  /** How long a save tries, while the database is away. Default 30 s. */
  readonly saveDeadlineMs?: number
  /** How long to wait between tries. */
  readonly backoff?: Backoff | undefined
  readonly tables?: TaskmetaTables
  /** Older results go with `cleanup()`; undefined keeps them for ever. */
  readonly expiresMs?: number | undefined
  readonly logger?: Logger
}

const SAVE_DEADLINE_MS = 30_000

/** Journey 5/8, result: rows of Celery's own celery_taskmeta, as Python reads and writes them. Next: the monitor. */
export class PostgresResultStore implements ResultStore {
  readonly kind = 'db+postgresql'
  readonly features = { keeps: true, isShared: true }
  readonly #options: PostgresStoreOptions
  readonly #serializer: Serializer
  readonly #table: TaskmetaTable
  readonly #writer: BatchWriter
  readonly #announcer: ResultAnnouncer
  readonly #watcher: PostgresWatcher
  readonly #chords: PostgresChords
  readonly #groups: PostgresGroups
  readonly #life = new StoreLife('the result store')

  constructor(options: PostgresStoreOptions) {
    const { database, logger = silentLogger, saveDeadlineMs = SAVE_DEADLINE_MS } = options
    const tables = options.tables ?? CELERY_TABLES
    const table = new TaskmetaTable(database, tables)
    const serializer = serializerByName(options.serializer ?? 'json')
    this.#options = options
    this.#serializer = serializer
    this.#table = table
    this.#announcer = new ResultAnnouncer(database, logger)
    this.#writer = new BatchWriter({
      table,
      logger,
      deadlineMs: saveDeadlineMs,
      backoff: options.backoff,
      onWritten: (rows) => this.#announcer.announce(readyIds(rows)),
    })
    this.#watcher = new PostgresWatcher({
      logger,
      readReady: (taskIds) => table.readReady(taskIds),
      decode: (row) => decodeRow(row, serializer),
      listen: (onResults) => listenForResults(database, onResults),
    })
    this.#groups = new PostgresGroups(database, tables, serializer)
    this.#chords = new PostgresChords({
      database,
      logger,
      deadlineMs: saveDeadlineMs,
      readReady: async (taskIds) =>
        (await table.readReady(taskIds)).map((row) => decodeRow(row, serializer)),
      save: (member) => this.#saveMember(member),
    })
  }

  get chords(): ChordCounter {
    this.#life.checkOpen()
    return this.#chords
  }

  async save(result: TaskResult): Promise<void> {
    this.#life.checkOpen()
    await this.#writer.save(this.#encode(result))
  }

  async get(taskId: string): Promise<TaskResult> {
    this.#life.checkOpen()
    const row = await this.#table.read(taskId)
    return row ? decodeRow(row, this.#serializer) : pendingResult(taskId)
  }

  async waitFor(taskId: string, options: WaitOptions = {}): Promise<TaskResult> {
    this.#life.checkOpen()
    options.signal?.throwIfAborted()
    if (options.timeoutMs !== undefined && options.timeoutMs <= 0) {
      // No time to wait, but one look is due.
      const result = await this.get(taskId)
      if (isReady(result.status)) return result
    }
    return await this.#watcher.wait(taskId, options)
  }

  async forget(taskId: string): Promise<void> {
    this.#life.checkOpen()
    await this.#table.delete(taskId)
  }

  async saveGroup(groupId: string, memberIds: readonly string[]): Promise<void> {
    this.#life.checkOpen()
    await this.#groups.save(groupId, memberIds)
  }

  async restoreGroup(groupId: string): Promise<readonly string[] | null> {
    this.#life.checkOpen()
    return await this.#groups.restore(groupId)
  }

  async forgetGroup(groupId: string): Promise<void> {
    this.#life.checkOpen()
    await this.#groups.forget(groupId)
  }

  async cleanup(): Promise<number> {
    this.#life.checkOpen()
    const { database, tables = CELERY_TABLES, expiresMs } = this.#options
    return expiresMs ? await deleteExpired(database, tables, expiresMs) : 0
  }

  /** Finishes the saves under way, then rejects the waits that are left. */
  close(): Promise<void> {
    return this.#life.close(() => this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#writer.drain()
    await this.#chords.drain()
    await this.#announcer.drain()
    await this.#watcher.close(this.#life.closedError())
    if (this.#options.ownsDatabase) await this.#options.database.close()
  }

  async #saveMember(member: ChordMember): Promise<ChordState | undefined> {
    this.#life.checkOpen()
    const row = this.#encode(member.result)
    // No text in PostgreSQL holds a NUL: the count of such a chord cannot have begun.
    return await this.#writer.save(member.groupId.includes('\0') ? row : { ...row, member })
  }

  #encode(result: TaskResult): TaskmetaRow {
    return encodeRow(result, this.#options.isExtended ?? false, this.#serializer)
  }
}

function readyIds(rows: readonly TaskmetaRow[]): readonly string[] {
  return rows.filter(({ status }) => isReady(status)).map(({ taskId }) => taskId)
}
