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

/** Deletes the rows of one table in batches; how many went. Both statements get `parameters`, the second its batch size behind them. */
export async function pruneRows(
  work: PruneWork,
  { step, parameters = [], count, remove }: PrunedRows,
): Promise<number> {
  const total = await countRows(work, count, parameters)
  if (work.isDryRun || total === 0) return total
  let deleted = 0
  await inBatches(work, async () => {
    const gone = await work.database.query(remove, [...parameters, work.batchSize])
    deleted += gone.length
    work.report({ step, done: deleted, total: Math.max(total, deleted), deleted })
    return gone.length < work.batchSize
  })
  return deleted
}

interface PrunedRows {
  readonly step: PruneProgress['step']
  readonly parameters?: readonly unknown[]
  /** SELECT count(*) AS count … */
  readonly count: string
  /** DELETE … RETURNING 1 */
  readonly remove: string
}

/** A count that a statement gives in its column `count`. */
export async function countRows(
  work: PruneWork,
  sql: string,
  parameters: readonly unknown[],
): Promise<number> {
  const [row] = await work.database.query<{ count: number }>(sql, parameters)
  return row?.count ?? 0
}
