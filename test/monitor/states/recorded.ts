import { onTestFinished } from 'vitest'
import { writePickle } from '../../../src/codecs/pickle/pickle-writer.ts'
import type { Database } from '../../../src/database/database.ts'
import { openDatabase } from '../../../src/database/open-database.ts'
import { migratedDatabase } from '../../support/postgres.ts'

export async function migrated(): Promise<Database> {
  const database = await openDatabase({ url: await migratedDatabase() })
  onTestFinished(() => database.close())
  return database
}

/** A row of monitor.task, by its columns; times as SQL reads them. */
export async function recordTask(
  database: Database,
  task: Readonly<Record<string, unknown>> & { readonly task_id: string },
): Promise<void> {
  const columns = Object.keys(task)
  const values = Object.values(task).map((value) =>
    typeof value === 'object' && value !== null && !(value instanceof Date)
      ? JSON.stringify(value)
      : value,
  )
  await database.query(
    `insert into monitor.task (${columns.join(', ')}) values (${columns.map((_, at) => `$${at + 1}`).join(', ')})`,
    values,
  )
}

export interface Stored {
  readonly taskId: string
  readonly status: string
  readonly result?: unknown
  /** JSON text, as Celery 5.7 has it, in place of a pickle. */
  readonly json?: string
  readonly traceback?: string
  readonly worker?: string
  readonly name?: string
  readonly args?: string
  readonly retries?: number
  /** SQL; default now. Null: none. */
  readonly done?: string
}

/** A row of celery_taskmeta, as Python writes it; one that is there is replaced. */
export async function storeResult(database: Database, row: Stored): Promise<void> {
  const pickle = row.result === undefined ? null : writePickle(row.result)
  const result = row.json === undefined ? pickle : Buffer.from(row.json)
  await database.query(
    `insert into celery_taskmeta (id, task_id, status, result, traceback, worker, name, args, retries, date_done)
     values (nextval('task_id_sequence'), $1, $2, $3, $4, $5, $6, $7, $8, (${row.done ?? 'now()'}) at time zone 'UTC')
     on conflict (task_id) do update set status = excluded.status, result = excluded.result,
       traceback = excluded.traceback, date_done = excluded.date_done`,
    [
      row.taskId,
      row.status,
      result,
      row.traceback,
      row.worker,
      row.name,
      row.args === undefined ? null : Buffer.from(row.args),
      row.retries,
    ],
  )
}

export async function tasks(
  database: Database,
  columns: string,
): Promise<Record<string, unknown>[]> {
  return await database.query(`select ${columns} from monitor.task order by task_id`)
}
