import type { Backoff } from '../../async/backoff.ts'
import { type Serializer, serializerByName } from '../../codecs/serializers.ts'
import type { Database } from '../../database/database.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { isReady } from '../../protocol/results/states.ts'
import { pendingResult, type TaskResult } from '../../protocol/results/task-result.ts'
import { unreadableMember } from '../failures.ts'
import type { ChordMember } from '../result-store.ts'
import { ServerStore } from '../server-store.ts'
import { encodeRow, readRow, type TaskmetaRow } from '../taskmeta-row.ts'
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
  /** Values that a result may hold: MESSAGE_LIMIT_NODES. */
  readonly maxNodes?: number | undefined
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

/** Journey 5/7, result: rows of Celery's own celery_taskmeta, as Python reads and writes them. */
export class PostgresResultStore extends ServerStore {
  readonly kind = 'db+postgresql'
  readonly #options: PostgresStoreOptions
  readonly #serializer: Serializer
  readonly #table: TaskmetaTable
  readonly #writer: BatchWriter
  readonly #announcer: ResultAnnouncer
  protected readonly watcher: PostgresWatcher
  protected readonly counter: PostgresChords
  protected readonly groups: PostgresGroups

  constructor(options: PostgresStoreOptions) {
    super('the result store')
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
    this.watcher = new PostgresWatcher({
      logger,
      readReady: (taskIds) => table.readReady(taskIds),
      decode: (row) => readRow(row, serializer),
      listen: (onResults) => listenForResults(database, onResults),
    })
    this.groups = new PostgresGroups(database, tables, serializer)
    this.counter = new PostgresChords({
      database,
      logger,
      deadlineMs: saveDeadlineMs,
      readReady: async (taskIds) =>
        await Promise.all((await table.readReady(taskIds)).map((row) => this.#readMember(row))),
      save: (member) => this.#saveMember(member),
    })
  }

  async save(result: TaskResult): Promise<void> {
    this.life.checkOpen()
    await this.#writer.save(this.#encode(result))
  }

  async forget(taskId: string): Promise<void> {
    this.life.checkOpen()
    await this.#table.delete(taskId)
  }

  async cleanup(): Promise<number> {
    this.life.checkOpen()
    const { database, tables = CELERY_TABLES, expiresMs } = this.#options
    return expiresMs ? await deleteExpired(database, tables, expiresMs) : 0
  }

  protected async read(taskId: string): Promise<TaskResult> {
    const row = await this.#table.read(taskId)
    return row ? await readRow(row, this.#serializer) : pendingResult(taskId)
  }

  protected async end(): Promise<void> {
    await this.#writer.drain()
    await this.counter.drain()
    await this.#announcer.drain()
    await this.watcher.close(this.life.closedError())
    if (this.#options.ownsDatabase) await this.#options.database.close()
  }

  async #readMember(row: TaskmetaRow): Promise<TaskResult> {
    try {
      return await readRow(row, this.#serializer)
    } catch (error) {
      return unreadableMember(row.taskId, error)
    }
  }

  async #saveMember(member: ChordMember): Promise<ChordState | undefined> {
    this.life.checkOpen()
    const row = this.#encode(member.result)
    // No text in PostgreSQL holds a NUL: the count of such a chord cannot have begun.
    return await this.#writer.save(member.groupId.includes('\0') ? row : { ...row, member })
  }

  #encode(result: TaskResult): TaskmetaRow {
    const { isExtended = false, maxNodes } = this.#options
    return encodeRow(result, { isExtended, serializer: this.#serializer, maxNodes })
  }
}

function readyIds(rows: readonly TaskmetaRow[]): readonly string[] {
  return rows.filter(({ status }) => isReady(status)).map(({ taskId }) => taskId)
}
