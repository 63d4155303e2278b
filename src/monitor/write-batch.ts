import type { Database } from '../database/database.ts'
import { mergeTasks } from './mirror/merge-tasks.ts'
import type { Mirrored } from './mirror/mirrored.ts'
import { writeMessages } from './mirror/write-messages.ts'
import { writeTasks } from './mirror/write-tasks.ts'
import { isUnreadable, writeQuarantine } from './write-quarantine.ts'

/** Journey 7/8, Postgres: a batch becomes rows in one transaction; writing it again changes nothing. */
export async function writeBatch(database: Database, batch: readonly Mirrored[]): Promise<void> {
  const readable = batch.filter(({ problem }) => problem === null)
  const unreadable = batch.filter(isUnreadable)
  await database.transaction(async (connection) => {
    if (readable.length > 0) await writeMessages(connection, readable)
    for (const tasks of mergeTasks(batch)) await writeTasks(connection, tasks)
    if (unreadable.length > 0) await writeQuarantine(connection, unreadable)
  })
}
