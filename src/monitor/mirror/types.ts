import type { Delivery } from '../../brokers/broker.ts'
import type { MessageEntry } from './message-entry.ts'
import type { TaskEntry } from './task-entry.ts'

/** A delivery of the platform queue as rows: of monitor.message, or of monitor.quarantine where there is a problem. */
export interface MirrorRecord {
  readonly delivery: Delivery
  readonly message: MessageEntry
  readonly taskId: string | null
  /** The work queue it went to as well. */
  readonly queue: string | null
  /** Null where it does not say enough of a task. */
  readonly task: TaskEntry | null
  readonly problem: Problem | null
}

/** Why a message could not be read, or not be recorded. */
export interface Problem {
  readonly code: string
  readonly reason: string
}
