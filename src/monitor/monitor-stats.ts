import type { Backlog } from './intake/backlog.ts'
import type { Recorded } from './intake/recorder.ts'

export interface MonitorStats {
  /** Recorded and acked since the start, the quarantined among them. */
  readonly messages: number
  readonly batches: number
  readonly quarantined: number
  /** Messages that the database takes in no form. */
  readonly refused: number
  /** Taken from the queue, and not being written yet. */
  readonly waiting: number
  /** For how long the oldest of those has waited. */
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
}

export class MonitorCounters {
  #messages = 0
  #batches = 0
  #quarantined = 0
  #refused = 0
  #isDatabaseAway: boolean = false
  #lastError: string | null = null

  stats(backlog: Backlog): MonitorStats {
    return {
      messages: this.#messages,
      batches: this.#batches,
      quarantined: this.#quarantined,
      refused: this.#refused,
      waiting: backlog.size,
      lagMs: backlog.oldestMs === null ? 0 : Math.max(0, Date.now() - backlog.oldestMs),
      isDatabaseAway: this.#isDatabaseAway,
      lastError: this.#lastError,
    }
  }

  count({ recorded, refused }: Recorded, durationMs: number): BatchReport {
    const quarantined = recorded.filter(({ problem }) => problem !== null).length
    this.#messages += recorded.length
    this.#batches += 1
    this.#quarantined += quarantined
    this.#refused += refused.length
    return { messages: recorded.length, quarantined, refused: refused.length, durationMs }
  }

  failed(cause: unknown): void {
    this.#lastError = cause instanceof Error ? cause.message : String(cause)
  }

  away(cause: unknown): void {
    this.#isDatabaseAway = true
    this.failed(cause)
  }

  back(): void {
    this.#isDatabaseAway = false
  }
}
