import { cutoff, type PruneWork, pruneRows } from './prune-work.ts'

/** Deletes what was resolved long ago; what is not resolved stays, however old it is. How many went. */
export async function pruneQuarantine(work: PruneWork, keepMs: number): Promise<number> {
  const parameters = [cutoff(keepMs)]
  return await pruneRows(work, { step: 'quarantine', parameters, count: COUNT, remove: DELETE })
}

const COUNT = 'SELECT count(*) AS count FROM monitor.quarantine WHERE resolved_at < $1'

const DELETE = `
  DELETE FROM monitor.quarantine
  WHERE id IN (SELECT id FROM monitor.quarantine WHERE resolved_at < $1 LIMIT $2)
  RETURNING 1`
