import { textOfError } from '../text-of-error.ts'
import type { Backlog } from './recording/backlog.ts'
import type { Recorded } from './recording/batch-transaction.ts'
import { isEventRecord } from './recording/ingested.ts'

export interface MonitorStats {
  /** Recorded and acked since the start, the quarantined among them. */
  readonly messages: number
  readonly batches: number
  readonly quarantined: number
  /** Messages that the database takes in no form. */
  readonly refused: number
  /** Taken from the queue, and not being written yet. */
  readonly waiting: number
  /** For how long the oldest of those has waited, or for how long the database is away. */
  readonly lagMs: number
  readonly isDatabaseAway: boolean
  readonly lastError: string | null
}

/** What was committed and acked together. */
export interface BatchReport {
  readonly messages: number
  readonly quarantined: number
  readonly refused: number
  readonly durationMs: number
  /** The tasks whose messages are among them. */
  readonly taskIds: readonly string[]
}

export class MonitorCounters {
  #messages = 0
  #batches = 0
  #quarantined = 0
  #refused = 0
  #awaySinceMs: number | null = null
  #lastError: string | null = null

  stats(backlog: Backlog): MonitorStats {
    return {
      messages: this.#messages,
      batches: this.#batches,
      quarantined: this.#quarantined,
      refused: this.#refused,
      waiting: backlog.size,
      // What is being written while the database is away is not in the backlog any more.
      lagMs: Math.max(ageMs(backlog.oldestMs), ageMs(this.#awaySinceMs)),
      isDatabaseAway: this.#awaySinceMs !== null,
      lastError: this.#lastError,
    }
  }

  count({ recorded, refused }: Recorded, durationMs: number): BatchReport {
    const quarantined = recorded.filter(({ problem }) => problem !== null).length
    this.#messages += recorded.length
    this.#batches += 1
    this.#quarantined += quarantined
    this.#refused += refused.length
    return {
      messages: recorded.length,
      quarantined,
      refused: refused.length,
      durationMs,
      // Only for those who ask.
      get taskIds() {
        return recorded.flatMap((one) =>
          isEventRecord(one) || one.taskId === null ? [] : [one.taskId],
        )
      },
    }
  }

  failed(cause: unknown): void {
    this.#lastError = textOfError(cause)
  }

  away(cause: unknown): void {
    this.#awaySinceMs ??= Date.now()
    this.failed(cause)
  }

  back(): void {
    this.#awaySinceMs = null
  }
}

function ageMs(sinceMs: number | null): number {
  return sinceMs === null ? 0 : Math.max(0, Date.now() - sinceMs)
}
