import { writePickle } from '../../../src/codecs/pickle/pickle-writer.ts'
import type { Database } from '../../../src/database/database.ts'
import type { ResultRow } from './record.ts'

/** Stores them as Python's backend does, all at once. */
export async function storeResults(
  database: Database,
  results: readonly ResultRow[],
): Promise<void> {
  const rows = [...new Map(results.map((row) => [row.taskId, row])).values()]
  await database.query(INSERT, [
    rows.map(({ taskId }) => taskId),
    rows.map(({ status }) => status),
    rows.map(({ result }) => writePickle(result)),
    rows.map(({ traceback }) => traceback),
    rows.map(({ doneMs }) => new Date(doneMs).toISOString().slice(0, -1)),
  ])
}

const INSERT = `
  insert into celery_taskmeta (id, task_id, status, result, traceback, date_done)
  select nextval('task_id_sequence'), task_id, status, result, traceback, date_done
  from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::timestamp[])
    as new (task_id, status, result, traceback, date_done)
  order by task_id
  on conflict (task_id) do update set status = excluded.status, result = excluded.result,
    traceback = excluded.traceback, date_done = excluded.date_done`
