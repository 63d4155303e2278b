import { nearestName } from '../../../config/resolve/nearest-name.ts'
import type { Database } from '../../../database/database.ts'
import { UsageError } from '../../../errors.ts'

/** Those of docs/monitor.md; tasks may have others of their own (`updateState`). */
const STATUSES: readonly string[] = [
  'PENDING',
  'UNROUTED',
  'SCHEDULED',
  'RECEIVED',
  'STARTED',
  'RETRY',
  'SUCCESS',
  'FAILURE',
  'REJECTED',
  'IGNORED',
  'REVOKED',
  'EXPIRED',
  'UNHEARD',
  'LOST',
  'SUSPENDED',
]

/** Throws `UsageError` where neither the toolbox nor any recorded task has such a status: it is misspelt. */
export async function checkStatus(database: Database, status: string): Promise<void> {
  if (STATUSES.includes(status)) return
  const [own] = await database.query(
    'SELECT 1 AS found FROM monitor.task WHERE state = $1 LIMIT 1',
    [status],
  )
  if (own !== undefined) return
  const nearest = nearestName(status, STATUSES)
  const hint =
    nearest === undefined ? `expected ${STATUSES.join(', ')}` : `did you mean ${nearest}?`
  throw new UsageError(`--state: no task has the status "${status}", ${hint}`)
}
