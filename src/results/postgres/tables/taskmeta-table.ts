import type { Database } from '../../../database/database.ts'
import type { ChordMember } from '../../result-store.ts'
import type { TaskmetaRow } from '../../taskmeta-row.ts'
import { CHORD_COLUMNS_SQL, CREATE_CHORDS_SQL, countParameters } from './chord-sql.ts'
import type { ChordState } from './chord-table.ts'
import {
  COLUMNS_SQL,
  type Column,
  columnsAmong,
  createSql,
  deleteSql,
  lockedSql,
  selectReadySql,
  selectSql,
  type TaskmetaTables,
  upsertAndCountSql,
  upsertSql,
} from './taskmeta-sql.ts'

/** Celery's celery_taskmeta: made when it is missing, used with the columns it has. */
export class TaskmetaTable {
  readonly #database: Database
  readonly #tables: TaskmetaTables
  #columns: Promise<readonly Column[]> | undefined
  #hasChords = false

  constructor(database: Database, tables: TaskmetaTables) {
    this.#database = database
    this.#tables = tables
  }

  /**
   * One statement for any number of rows; it counts those that are members of chords, too, and says how these chords
   * stand. No task id may be there twice.
   */
  async write(rows: readonly TaskmetaRow[]): Promise<readonly ChordState[]> {
    const columns = await this.#readColumns()
    const isSingle = rows.length === 1
    // One order for all: two workers that write the same rows never wait for each other in a circle.
    const ordered = rows.toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1))
    const parameters = columns.map(({ field }) => {
      const values = ordered.map((row) => row[field as keyof TaskmetaRow])
      return isSingle ? values[0] : values
    })
    const upsert = upsertSql(this.#tables, columns, isSingle)
    const members = await this.#countable(ordered)
    if (members.length === 0) {
      await this.#database.query(`with ${upsert}`, parameters)
      return []
    }
    return await this.#database.query<ChordState>(upsertAndCountSql(upsert, columns.length), [
      ...parameters,
      ...countParameters(members),
    ])
  }

  async #countable(rows: readonly TaskmetaRow[]): Promise<readonly ChordMember[]> {
    const members = rows.flatMap(({ member }) => (member === undefined ? [] : [member]))
    if (members.length === 0) return []
    this.#hasChords ||= await this.#lookForChords()
    return this.#hasChords ? members : []
  }

  /** Without the table no chord has begun. */
  async #lookForChords(): Promise<boolean> {
    const columns = await this.#database.query<{ name: string }>(CHORD_COLUMNS_SQL)
    const isOld = columns.length > 0 && !columns.some(({ name }) => name === 'handed_over_at')
    if (isOld) await this.#database.query(CREATE_CHORDS_SQL)
    return columns.length > 0
  }

  /** Of these ids, those whose rows another transaction holds locked. */
  async lockedAmong(taskIds: readonly string[]): Promise<ReadonlySet<string>> {
    const known = taskIds.filter(canBeKept)
    const rows = await this.#database.query<{ taskId: string }>(lockedSql(this.#tables), [known])
    return new Set(rows.map(({ taskId }) => taskId))
  }

  async read(taskId: string): Promise<TaskmetaRow | undefined> {
    if (!canBeKept(taskId)) return undefined
    const columns = await this.#readColumns()
    const [row] = await this.#database.query<TaskmetaRow>(selectSql(this.#tables, columns), [
      [taskId],
    ])
    return row
  }

  /** Of these ids, the rows whose tasks are over. */
  async readReady(taskIds: readonly string[]): Promise<readonly TaskmetaRow[]> {
    const columns = await this.#readColumns()
    const known = taskIds.filter(canBeKept)
    return await this.#database.query<TaskmetaRow>(selectReadySql(this.#tables, columns), [known])
  }

  async delete(taskId: string): Promise<void> {
    if (!canBeKept(taskId)) return
    await this.#readColumns()
    await this.#database.query(deleteSql(this.#tables), [taskId])
  }

  /** The next use looks again what columns there are: the table was dropped or altered. */
  lookAgain(): void {
    this.#columns = undefined
    this.#hasChords = false
  }

  #readColumns(): Promise<readonly Column[]> {
    this.#columns ??= this.#findColumns().catch((error: unknown) => {
      this.lookAgain()
      throw error
    })
    return this.#columns
  }

  async #findColumns(): Promise<readonly Column[]> {
    const found = await this.#lookForColumns()
    if (found.length > 0) return found
    try {
      await this.#database.query(createSql(this.#tables))
    } catch (error) {
      // A Python worker that starts at the same moment makes the same table, without our lock.
      const made = await this.#lookForColumns()
      if (made.length === 0) throw error
    }
    return await this.#lookForColumns()
  }

  async #lookForColumns(): Promise<readonly Column[]> {
    const names = await this.#database.query<{ name: string }>(COLUMNS_SQL, [this.#tables.task])
    return columnsAmong(names.map(({ name }) => name))
  }
}

/** No text in PostgreSQL holds a NUL: asked for one among others, it answers for none of them. */
export function canBeKept(id: string): boolean {
  return !id.includes('\0')
}
