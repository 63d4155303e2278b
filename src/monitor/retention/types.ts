/** For how long what is kept, in milliseconds; what is absent is kept for ever. */
export interface Retention {
  /** Tasks that are over, from their end on; and workers, from when they were heard of last. */
  readonly tasksMs?: number | undefined
  /** Those that failed or were lost. Default: as tasks. */
  readonly failuresMs?: number | undefined
  /** Tasks of which no end is known, from when they were published. Default: for ever. */
  readonly unfinishedMs?: number | undefined
  /** Messages; those of tasks that failed, or are not over, stay as long as their tasks. */
  readonly messagesMs?: number | undefined
  /** Events; where nothing is said of tasks, workers too. */
  readonly eventsMs?: number | undefined
  /** What was in quarantine, from when it was resolved on. */
  readonly quarantineMs?: number | undefined
}

export interface PruneOptions extends Retention {
  /** Counts what would go, and leaves it. */
  readonly dryRun?: boolean
  /** Rows that one transaction deletes. Default 2000. */
  readonly batchSize?: number
  /** Rests between batches, as a multiple of the time that a batch took. Default 6; 0 is no rest. */
  readonly rest?: number
  readonly onProgress?: (progress: PruneProgress) => void
  /** Ends the work between two batches; what is left goes the next time. */
  readonly signal?: AbortSignal
}

export type PruneStep =
  | 'tasks'
  | 'replays'
  | 'messages'
  | 'events'
  | 'workers'
  | 'quarantine'
  | 'claims'

export interface PruneProgress {
  readonly step: PruneStep
  /** Looked at so far, of so many: rows, or partitions of messages and events. */
  readonly done: number
  readonly total: number
  readonly deleted: number
}

export interface PrunedPartitions {
  /** Days that went as a whole, as "2026-01-31". */
  readonly dropped: readonly string[]
  /** Days of which only the messages of failures and unfinished tasks stay. */
  readonly reduced: readonly string[]
  /** Rows that were deleted one by one, from what stays of such days and from the default partition. */
  readonly rows: number
}

export interface PruneReport {
  readonly isDryRun: boolean
  /** Another one was at work, so nothing was done. */
  readonly isBusy: boolean
  readonly tasks: number
  /** What the ledger said of tasks that are gone. */
  readonly replays: number
  readonly messages: PrunedPartitions
  readonly events: PrunedPartitions
  readonly workers: number
  readonly quarantine: number
  /** Bodies of messages that no queue has any more (CLAIM_CHECK). They say themselves how long they are kept. */
  readonly claims: number
  readonly durationMs: number
}
