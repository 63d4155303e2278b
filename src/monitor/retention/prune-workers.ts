import { cutoff, type PruneWork, pruneRows } from './prune-work.ts'

/**
 * Deletes workers of which nothing was heard for so long, by our own clock; how many went. One that has a task in its
 * hands stays: it is what shows that the task is lost.
 */
export async function pruneWorkers(work: PruneWork, keepMs: number): Promise<number> {
  const parameters = [cutoff(keepMs)]
  if (!work.isDryRun) await work.database.query(DELETE_PROCESSES, parameters)
  const count = `SELECT count(*) AS count FROM monitor.worker WHERE ${IS_PRUNABLE}`
  return await pruneRows(work, { step: 'workers', parameters, count, remove: DELETE })
}

/** Processes are few: those that were not heard of for as long, and hold nothing. One that is just heard of again stays, as below. */
const DELETE_PROCESSES = `
  DELETE FROM monitor.worker_process WHERE (hostname, pid) IN (
    SELECT hostname, pid FROM monitor.worker_process
    WHERE heard_at < $1::timestamptz AND NOT EXISTS (
      SELECT FROM monitor.task
      WHERE task.worker = worker_process.hostname AND monitor.state_class(task.state) = 1
        AND task.state NOT IN ('RETRY', 'LOST'))
    FOR UPDATE SKIP LOCKED
  )`

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
