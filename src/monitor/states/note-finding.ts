import type { Connection, Database } from '../../database/database.ts'
import { type Finding, IS_NOTED } from '../evidence/finding.ts'
import type { LossPolicy } from './loss-policy.ts'

export type FoundLoss = Extract<Finding, { status: 'LOST' }>
export type FoundDoubt = Extract<Finding, { status: 'UNHEARD' }>

/**
 * Writes a loss down with its evidence, before anything is done about it; says whether the task was still as it was
 * found. Of two who would note the same loss one finds it noted.
 */
export async function noteLoss(
  connection: Connection,
  { candidate, kind, reason, evidence }: FoundLoss,
  action: LossPolicy,
): Promise<boolean> {
  const isMarked = kind !== 'no-result' && action !== 'leave'
  const rows = await connection.query(NOTE, [
    candidate.taskId,
    candidate.state,
    candidate.stateAt,
    candidate.retries,
    isMarked,
    { kind, reason, evidence, action: kind === 'no-result' ? 'leave' : action },
    candidate.was,
  ])
  return rows.length > 0
}

/** Notes all doubts at once; how many tasks are UNHEARD now that were not. A doubt that is noted stays as it is. */
export async function noteDoubts(
  connection: Connection,
  doubts: readonly FoundDoubt[],
): Promise<number> {
  const news = doubts.filter(({ candidate, kind }) => candidate.doubt !== kind)
  if (news.length === 0) return 0
  const rows = await connection.query(DOUBT, [
    JSON.stringify(
      news.map(({ candidate, kind, reason, evidence }) => ({
        task_id: candidate.taskId,
        state: candidate.state,
        state_at: candidate.stateAt,
        retries: candidate.retries,
        unheard: { kind, reason, evidence, was: candidate.was },
      })),
    ),
  ])
  return rows.length
}

/** Adds what came of replaying it. */
export async function noteReplay(
  database: Database,
  taskId: string,
  outcome: { readonly replayed_as: string } | { readonly problem: string },
): Promise<void> {
  await database.query(
    `UPDATE monitor.task SET lost = lost || $2::jsonb, updated_at = now() WHERE task_id = $1 AND lost IS NOT NULL`,
    [taskId, { ...outcome }],
  )
}

/** state_at stays that of the last sign of life: any later one goes further. */
const NOTE = `
  UPDATE monitor.task SET
    state = CASE WHEN $5 THEN 'LOST' WHEN state = 'UNHEARD' THEN $7 ELSE state END,
    lost = $6::jsonb || jsonb_build_object('found_at', now(), 'state', CASE WHEN $5 THEN 'LOST' ELSE $7 END,
      'was', $7::text, 'was_at', state_at::text, 'retries', retries),
    unheard = NULL,
    updated_at = now()
  WHERE task_id = $1 AND state = $2 AND state_at IS NOT DISTINCT FROM $3::timestamptz AND retries = $4
    AND NOT ${IS_NOTED}
  RETURNING task_id`

/** Rows are locked in the order of ids, as by all who write tasks. */
const DOUBT = `
  WITH found AS MATERIALIZED (
    SELECT task.task_id, doubt.unheard
    FROM jsonb_to_recordset($1::jsonb)
      AS doubt(task_id text, state text, state_at timestamptz, retries integer, unheard jsonb)
    JOIN monitor.task ON task.task_id = doubt.task_id AND task.state = doubt.state
      AND task.state_at IS NOT DISTINCT FROM doubt.state_at AND task.retries = doubt.retries
    ORDER BY task.task_id
    FOR NO KEY UPDATE OF task SKIP LOCKED
  )
  UPDATE monitor.task SET
    state = 'UNHEARD',
    unheard = found.unheard || jsonb_build_object('since', now(),
      'updated_at', CASE WHEN task.state = 'UNHEARD' THEN task.unheard -> 'updated_at' ELSE to_jsonb(task.updated_at) END),
    updated_at = now()
  FROM found
  WHERE task.task_id = found.task_id
  RETURNING task.task_id`
