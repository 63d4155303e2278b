import type { Database, Transaction } from '../database/database.ts'
import type { EventRecord } from './events/event-record.ts'
import { writeEvents } from './events/write-events.ts'
import { writeProcesses } from './events/write-processes.ts'
import { writeWorkers } from './events/write-workers.ts'
import type { MirrorRecord } from './mirror/types.ts'
import { writeMessages } from './mirror/write-messages.ts'
import { type Ingested, isEventRecord } from './recording/ingested.ts'
import { mergeTasks, mirroredTasks } from './tasks/merge-tasks.ts'
import { writeTasks } from './tasks/write-tasks.ts'
import { isUnreadable, writeQuarantine } from './write-quarantine.ts'

/**
 * Journey 7/7, Postgres: a batch becomes rows in one transaction; writing it again changes nothing. All monitors go
 * through the tables in this order, and through each table in the order of its keys, so that they cannot deadlock.
 */
export async function writeBatch(database: Database, batch: readonly Ingested[]): Promise<void> {
  const mirrored = batch.filter((one): one is MirrorRecord => !isEventRecord(one))
  const ofEvents = batch.filter(isEventRecord)
  const readable = mirrored.filter(({ problem }) => problem === null)
  const unreadable = batch.filter(isUnreadable)
  const tasks = [...mirroredTasks(mirrored), ...ofEvents.flatMap((one) => one.tasks)]
  await database.transaction(async (connection) => {
    if (readable.length > 0) await writeMessages(connection, readable)
    await writeEventRecords(connection, ofEvents)
    for (const round of mergeTasks(tasks)) await writeTasks(connection, round)
    const marked = tasks.flatMap(({ resultBodies }) => resultBodies)
    if (marked.length > 0) await connection.query(MARK, [[...new Set(marked)].sort()])
    if (unreadable.length > 0) await writeQuarantine(connection, unreadable)
  })
}

/** Applied by states/mark-results.ts. */
const MARK = `
  INSERT INTO monitor.result_mark (task_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING`

async function writeEventRecords(
  connection: Transaction,
  records: readonly EventRecord[],
): Promise<void> {
  const events = records.flatMap((one) => one.events)
  const workers = records.flatMap((one) => one.workers)
  if (events.length > 0) await writeEvents(connection, events)
  if (workers.length === 0) return
  await writeWorkers(
    connection,
    workers.filter(({ kind }) => kind !== 'task'),
  )
  await writeProcesses(
    connection,
    workers.filter(({ pid }) => pid !== null),
  )
}
