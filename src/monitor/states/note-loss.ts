import type { Connection, Database } from '../../database/database.ts'
import { type FoundLoss, IS_NOTED } from './find-losses.ts'
import type { LossPolicy } from './loss-policy.ts'

/**
 * Writes a loss down with its evidence, before anything is done about it; says whether the task was still as it was
 * found. Of two who would note the same loss one finds it noted.
 */
export async function noteLoss(
  connection: Connection,
  loss: FoundLoss,
  action: LossPolicy,
): Promise<boolean> {
  const isMarked = loss.kind !== 'no-result' && action !== 'leave'
  const { kind, reason, evidence } = loss
  const rows = await connection.query(NOTE, [
    loss.taskId,
    loss.state,
    loss.stateAt,
    loss.retries,
    isMarked,
    { kind, reason, evidence, action: kind === 'no-result' ? 'leave' : action },
  ])
  return rows.length > 0
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
    state = CASE WHEN $5 THEN 'LOST' ELSE state END,
    lost = $6::jsonb || jsonb_build_object('found_at', now(), 'state', CASE WHEN $5 THEN 'LOST' ELSE state END,
      'was', state, 'was_at', state_at::text, 'retries', retries),
    updated_at = now()
  WHERE task_id = $1 AND state = $2 AND state_at IS NOT DISTINCT FROM $3::timestamptz AND retries = $4
    AND NOT ${IS_NOTED}
  RETURNING task_id`
