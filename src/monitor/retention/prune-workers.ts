import { cutoff, inBatches, type PruneWork } from './prune-work.ts'

/**
 * Deletes workers of which nothing was heard for so long, by our own clock; how many went. One that has a task in its
 * hands stays: it is what shows that the task is lost.
 */
export async function pruneWorkers(work: PruneWork, keepMs: number): Promise<number> {
  const before = cutoff(keepMs)
  if (!work.isDryRun) await work.database.query(DELETE_PROCESSES, [before])
  const [row] = await work.database.query<{ count: number }>(
    `SELECT count(*) AS count FROM monitor.worker WHERE ${IS_PRUNABLE}`,
    [before],
  )
  const total = row?.count ?? 0
  if (work.isDryRun || total === 0) return total
  let deleted = 0
  await inBatches(work, async () => {
    const gone = await work.database.query(DELETE, [before, work.batchSize])
    deleted += gone.length
    work.report({ step: 'workers', done: deleted, total: Math.max(total, deleted), deleted })
    return gone.length < work.batchSize
  })
  return deleted
}

/** Processes are few: those that were not heard of for as long, and hold nothing. */
const DELETE_PROCESSES = `
  DELETE FROM monitor.worker_process
  WHERE heard_at < $1::timestamptz AND NOT EXISTS (
    SELECT FROM monitor.task
    WHERE task.worker = worker_process.hostname AND monitor.state_class(task.state) = 1
      AND task.state NOT IN ('RETRY', 'LOST'))`

/** In the words of the index on what workers have in hand. */
const IS_PRUNABLE = `
  worker.updated_at < $1::timestamptz AND NOT EXISTS (
    SELECT FROM monitor.task
    WHERE task.worker = worker.hostname AND monitor.state_class(task.state) = 1 AND task.state NOT IN ('RETRY', 'LOST')
  )`

/** A worker that is just heard of again is locked by the transaction that writes that, and stays. */
const DELETE = `
  DELETE FROM monitor.worker WHERE hostname IN (
    SELECT hostname FROM monitor.worker WHERE ${IS_PRUNABLE} LIMIT $2 FOR UPDATE SKIP LOCKED
  )
  RETURNING 1`
