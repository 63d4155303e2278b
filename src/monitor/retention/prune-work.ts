import { sleep } from '../../async/sleep.ts'
import type { Database } from '../../database/database.ts'
import type { PruneProgress } from './types.ts'

/** What every step of pruning needs. */
export interface PruneWork {
  readonly database: Database
  readonly isDryRun: boolean
  readonly batchSize: number
  readonly rest: number
  readonly signal: AbortSignal | undefined
  readonly report: (progress: PruneProgress) => void
  /** Rejects where another may be pruning by now. */
  readonly stayAlone: () => Promise<void>
}

/** When what is kept for so long came, at the latest. */
export function cutoff(keepMs: number): Date {
  return new Date(Date.now() - keepMs)
}

/** Runs batches until one says that it was the last, with a rest after each. */
export async function inBatches(work: PruneWork, batch: () => Promise<boolean>): Promise<void> {
  for (;;) {
    work.signal?.throwIfAborted()
    const startedAt = performance.now()
    if (await batch()) return
    await work.stayAlone()
    const tookMs = performance.now() - startedAt
    if (work.rest > 0) await sleep(tookMs * work.rest, work.signal)
  }
}
