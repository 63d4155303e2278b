import { type PruneWork, pruneRows } from './prune-work.ts'

/** Of bodies that were too large for their messages: one may take a megabyte. */
const LARGEST_BATCH = 100

/** Deletes the bodies that CLAIM_CHECK kept for messages which no queue has any more; how many went. */
export async function pruneClaims(work: PruneWork): Promise<number> {
  const batchSize = Math.min(work.batchSize, LARGEST_BATCH)
  return await pruneRows({ ...work, batchSize }, { step: 'claims', count: COUNT, remove: DELETE })
}

/** By the clock of the database: those of two processes may differ. */
const COUNT = 'SELECT count(*) AS count FROM monitor.claim WHERE expires_at < now()'

const DELETE = `
  DELETE FROM monitor.claim WHERE id IN (
    SELECT id FROM monitor.claim WHERE expires_at < now() LIMIT $1 FOR UPDATE SKIP LOCKED
  )
  RETURNING 1`
