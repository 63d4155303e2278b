import type { EventRecord } from '../events/event-record.ts'
import { type MessageEntry, messageEntry } from '../mirror/message-entry.ts'
import type { MirrorRecord, Problem } from '../mirror/types.ts'

/** A delivery, read: the copy of a message, or events. */
export type Ingested = MirrorRecord | EventRecord

/** The whole message, and why it could not be read, or not all of it. */
export type Unreadable = (MirrorRecord | EventRecord) & {
  readonly message: MessageEntry
  readonly problem: Problem
}

export function isEventRecord(one: Ingested): one is EventRecord {
  return 'events' in one
}

export function receivedAtMs(one: Ingested): number {
  return isEventRecord(one) ? one.receivedAtMs : one.message.receivedAtMs
}

/** What is decoded takes about as much room as the body itself. */
export function sizeOf(one: Ingested): number {
  if (isEventRecord(one)) return 2 * one.delivery.message.body.length
  const { message, task } = one
  const decoded = (task?.args?.length ?? 0) + (task?.kwargs?.length ?? 0)
  return message.body.length + message.headers.length + decoded
}

/** Whether it is for the quarantine and nothing else. */
export function isUnreadAltogether(one: Ingested): boolean {
  if (one.problem === null) return false
  if (!isEventRecord(one)) return one.task === null
  return one.events.length + one.tasks.length + one.workers.length === 0
}

/** The same for the quarantine alone, as PostgreSQL refuses what was made of it. */
export function withoutRows(one: Ingested, problem: Problem): Unreadable {
  if (!isEventRecord(one)) return { ...one, task: null, taskId: shortened(one.taskId), problem }
  const message = one.message ?? messageEntry(one.delivery, one.receivedAtMs)
  return { ...one, events: [], tasks: [], workers: [], message, problem: one.problem ?? problem }
}

/** A long id may be what was refused. */
function shortened(taskId: string | null): string | null {
  return taskId === null || taskId.length <= 500 ? taskId : `${taskId.slice(0, 500)}…`
}
