import { cutoff, inBatches, type PruneWork } from './prune-work.ts'

/** Deletes what was resolved long ago; what is not resolved stays, however old it is. How many went. */
export async function pruneQuarantine(work: PruneWork, keepMs: number): Promise<number> {
  const before = cutoff(keepMs)
  const [row] = await work.database.query<{ count: number }>(
    'SELECT count(*) AS count FROM monitor.quarantine WHERE resolved_at < $1',
    [before],
  )
  const total = row?.count ?? 0
  if (work.isDryRun || total === 0) return total
  let deleted = 0
  await inBatches(work, async () => {
    const gone = await work.database.query(DELETE, [before, work.batchSize])
    deleted += gone.length
    work.report({ step: 'quarantine', done: deleted, total: Math.max(total, deleted), deleted })
    return gone.length < work.batchSize
  })
  return deleted
}

const DELETE = `
  DELETE FROM monitor.quarantine
  WHERE id IN (SELECT id FROM monitor.quarantine WHERE resolved_at < $1 LIMIT $2)
  RETURNING 1`
