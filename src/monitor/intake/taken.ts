import type { Told } from '../events/told.ts'
import { messageEntry } from '../mirror/message-entry.ts'
import type { Mirrored, Problem } from '../mirror/mirrored.ts'
import type { Unreadable } from '../write-quarantine.ts'

/** What was taken from a queue and read: the copy of a message, or what somebody told. */
export type Taken = Mirrored | Told

export function isTold(one: Taken): one is Told {
  return 'events' in one
}

export function receivedAtMs(one: Taken): number {
  return isTold(one) ? one.receivedAtMs : one.message.receivedAtMs
}

/** What is decoded takes about as much room as the body itself. */
export function sizeOf(one: Taken): number {
  if (isTold(one)) return 2 * one.delivery.message.body.length
  const { message, task } = one
  const decoded = (task?.args?.length ?? 0) + (task?.kwargs?.length ?? 0)
  return message.body.length + message.headers.length + decoded
}

/** Whether it is for the quarantine and nothing else. */
export function isUnreadAltogether(one: Taken): boolean {
  if (one.problem === null) return false
  if (!isTold(one)) return one.task === null
  return one.events.length + one.tasks.length + one.workers.length === 0
}

/** The same for the quarantine alone, as PostgreSQL refuses what was made of it. */
export function withoutRows(one: Taken, problem: Problem): Unreadable {
  if (!isTold(one)) return { ...one, task: null, taskId: shortened(one.taskId), problem }
  const message = one.message ?? messageEntry(one.delivery, one.receivedAtMs)
  return { ...one, events: [], tasks: [], workers: [], message, problem: one.problem ?? problem }
}

/** A long id may be what was refused. */
function shortened(taskId: string | null): string | null {
  return taskId === null || taskId.length <= 500 ? taskId : `${taskId.slice(0, 500)}…`
}
