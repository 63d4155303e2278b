import type { Database } from '../../database/database.ts'
import { type Periodic, periodic } from '../../lifecycle/periodic.ts'
import type { Logger } from '../../logger.ts'
import type { ClockCorrection, WorkerClocks } from './worker-clocks.ts'

const EVERY_MS = 1000
/** What came before it was known how wrong the clock is may still be on its way into the tables. */
const TURNS_MS = [1000, 5000]

/**
 * A clock that is behind is known by some heartbeats. What its worker reported before that was recorded by the wrong
 * clock, and is dated anew.
 */
export function redating(database: Database, clocks: WorkerClocks, logger: Logger): Periodic {
  const pending = new Map<ClockCorrection, number>()
  const turn = async (): Promise<void> => {
    for (const correction of clocks.takeCorrections()) pending.set(correction, 0)
    for (const [correction, turns] of pending) {
      if (Date.now() - correction.foundAtMs < (TURNS_MS[turns] ?? 0)) continue
      await redateTasks(database, correction)
      if (turns + 1 < TURNS_MS.length) pending.set(correction, turns + 1)
      else pending.delete(correction)
    }
  }
  return periodic(turn, {
    name: 'dating tasks by the clocks of their workers',
    everyMs: EVERY_MS,
    logger,
  })
}

/** Idempotent: a time that is right is no event's any more. */
async function redateTasks(
  database: Database,
  { hostname, fromMs, toMs }: ClockCorrection,
): Promise<void> {
  await database.query(REDATE, [hostname, fromMs, toMs])
}

/** Received within the last minute, as late as the clock is wrong; so much one of them may vary. */
const LATE = `received_at > now() - interval '1 minute' AND happened_at BETWEEN
      received_at - $3::float8 * interval '1 millisecond' - interval '3 seconds' AND
      received_at - $3::float8 * interval '1 millisecond' + interval '3 seconds'`

const TIMES = ['published_at', 'received_at', 'started_at', 'finished_at', 'state_at', 'event_at']

/** Rows are locked in the order of ids, as by all who write tasks. */
const REDATE = `
  WITH late AS MATERIALIZED (
    SELECT task_id, array_agg(happened_at + $2::float8 * interval '1 millisecond') AS times
    FROM monitor.event
    WHERE hostname = $1 AND task_id IS NOT NULL AND ${LATE}
      AND day BETWEEN (now() AT TIME ZONE 'UTC')::date - 1 - floor($3::float8 / 86400000)::integer AND (now() AT TIME ZONE 'UTC')::date + 1
    GROUP BY task_id
  ), held AS MATERIALIZED (
    SELECT task.task_id, late.times
    FROM late JOIN monitor.task ON task.task_id = late.task_id
    ORDER BY task.task_id COLLATE "C"
    FOR NO KEY UPDATE OF task
  )
  UPDATE monitor.task SET
    ${TIMES.map(
      (column) =>
        `${column} = task.${column} + CASE WHEN task.${column} = ANY (held.times) THEN ($3::float8 - $2::float8) ELSE 0 END * interval '1 millisecond'`,
    ).join(',\n    ')},
    updated_at = now()
  FROM held
  WHERE task.task_id = held.task_id
    AND ARRAY[${TIMES.map((column) => `task.${column}`).join(', ')}] && held.times`
