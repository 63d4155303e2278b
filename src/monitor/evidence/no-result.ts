import type { Connection } from '../../database/database.ts'
import { CANDIDATE, type Candidate, type Finding } from './finding.ts'

const MOST = 500

/** Tasks that a worker says have succeeded, without a result in the backend. */
export async function findNoResult(
  connection: Connection,
  graceMs: number,
): Promise<readonly Finding[]> {
  const tasks = await connection.query<Candidate>(NO_RESULT, [graceMs, MOST])
  return tasks.map((candidate) => ({
    candidate,
    status: 'LOST' as const,
    kind: 'no-result' as const,
    reason: 'a worker reported that it succeeded, and the result backend holds no result of it',
    evidence: { succeeded_at: candidate.stateAt },
  }))
}

/** Long ago it may have been there, and have been deleted in its time. */
const NO_RESULT = `
  SELECT ${CANDIDATE}
  FROM monitor.task
  WHERE monitor.state_class(state) = 2 AND result IS NULL AND lost IS NULL
    AND (options @> '{"ignore_result": true}') IS NOT TRUE
    AND state = 'SUCCESS' AND options IS NOT NULL AND name IS DISTINCT FROM 'celery.chord_unlock'
    AND state_at > now() - interval '1 hour' AND state_at < now() - $1 * interval '1 millisecond'
    AND NOT EXISTS (SELECT FROM public.celery_taskmeta meta WHERE meta.task_id = task.task_id)
  ORDER BY state_at
  LIMIT $2`
