import type { Serializer } from '../../codecs/serializers.ts'
import type { Database } from '../../database/database.ts'
import { ProtocolError } from '../../errors.ts'
import { showValue } from '../../protocol/show-value.ts'
import { groupPickle, memberIdsOf, unreadableGroup } from '../saved-group.ts'
import { decodeStored, isLargeStored, JSON_FORM, readLargeStored } from '../stored-value.ts'
import { writeFailureOf } from './saving/write-failure.ts'
import { createSql, type TaskmetaTables } from './tables/taskmeta-sql.ts'
import { canBeKept } from './tables/taskmeta-table.ts'

/** Celery's celery_tasksetmeta: groups that were saved, by Python or here. */
export class PostgresGroups {
  readonly #database: Database
  readonly #tables: TaskmetaTables

  readonly #serializer: Serializer

  constructor(database: Database, tables: TaskmetaTables, serializer: Serializer = JSON_FORM) {
    this.#database = database
    this.#tables = tables
    this.#serializer = serializer
  }

  async save(groupId: string, memberIds: readonly string[]): Promise<void> {
    if (!canBeKept(groupId)) throw unkeepableGroup(groupId)
    await this.#query(
      `insert into ${this.#tables.group} (id, taskset_id, result, date_done)
       values (nextval('taskset_id_sequence'), $1, $2, now() at time zone 'UTC')
       on conflict (taskset_id) do update set result = excluded.result, date_done = excluded.date_done`,
      [groupId, groupPickle(groupId, memberIds)],
    )
  }

  async restore(groupId: string): Promise<readonly string[] | null> {
    if (!canBeKept(groupId)) return null
    const [row] = await this.#query<{ result: Buffer | null }>(
      `select result from ${this.#tables.group} where taskset_id = $1`,
      [groupId],
    )
    if (!row?.result) return null
    const memberIds = await membersIn(row.result, this.#serializer)
    if (memberIds === null) throw unreadableGroup(groupId)
    return memberIds
  }

  async forget(groupId: string): Promise<void> {
    if (!canBeKept(groupId)) return
    await this.#query(`delete from ${this.#tables.group} where taskset_id = $1`, [groupId])
  }

  async #query<Row extends object>(sql: string, parameters: readonly unknown[]): Promise<Row[]> {
    try {
      return await this.#database.query<Row>(sql, parameters)
    } catch (error) {
      if (writeFailureOf(error) !== 'altered') throw error
      await this.#database.query(createSql(this.#tables))
      return await this.#database.query<Row>(sql, parameters)
    }
  }
}

function unkeepableGroup(groupId: string): ProtocolError {
  const id = showValue(groupId)
  return new ProtocolError(
    'VALUE_UNENCODABLE',
    `the group ${id} cannot be stored: its id contains a NUL character`,
  )
}

async function membersIn(bytes: Buffer, serializer: Serializer): Promise<readonly string[] | null> {
  try {
    const stored = isLargeStored(bytes, serializer)
      ? await readLargeStored(bytes, serializer)
      : decodeStored(bytes, serializer)
    return memberIdsOf(stored)
  } catch {
    // Said by the caller, who knows which group it is.
    return null
  }
}
