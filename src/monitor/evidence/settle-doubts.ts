import type { Connection } from '../../database/database.ts'
import { isLiving } from './census.ts'
import type { ObservedQueue } from './observed-queues.ts'

/**
 * Takes back doubts whose grounds are gone: the worker sends heartbeats again, or is online again, as a Python worker says
 * that it stops when it has lost the broker; or all messages are in their queue again.
 */
export async function settleDoubts(
  connection: Connection,
  queues: Iterable<readonly [string, ObservedQueue]>,
  missedHeartbeats: number,
): Promise<void> {
  await connection.query(HEARD_AGAIN, [missedHeartbeats])
  for (const [queue, { messages, consumers }] of queues) {
    if (messages > 0 && consumers === 0) await connection.query(IN_QUEUE_AGAIN, [queue, messages])
  }
}

/** Where workers send no events, the body of a chord that was published shows that its celery.chord_unlock has done its work. */
export async function closeChordUnlocks(connection: Connection): Promise<void> {
  await connection.query(CLOSE_UNLOCKS)
}

/** Before WHERE. A task that another transaction holds is left for the next pass: these wait for no writer, so that none deadlocks with them. */
function asBefore(found: string): string {
  return `
  WITH found AS MATERIALIZED (
    SELECT task.task_id FROM ${found}
    FOR NO KEY UPDATE OF task SKIP LOCKED
  )
  UPDATE monitor.task SET state = task.unheard ->> 'was', unheard = NULL, updated_at = now()
  FROM found
  WHERE task.task_id = found.task_id`
}

const HEARD_AGAIN = asBefore(`monitor.task, monitor.worker_process process
  WHERE task.worker = process.hostname AND process.pid = (task.unheard #>> '{evidence,pid}')::integer
    AND monitor.state_class(task.state) = 1 AND task.state = 'UNHEARD'
    AND task.unheard ->> 'kind' IN ('no-heartbeats', 'stopping') AND ${isLiving('process', '$1')}
    AND coalesce(process.restarted_at <= task.state_at, true)`)

/** Without consumers nothing is in a worker's hands: where all of them are there, each of them is. */
const IN_QUEUE_AGAIN = asBefore(`monitor.task
  WHERE queue = $1 AND monitor.state_class(state) < 2 AND state = 'UNHEARD'
    AND unheard ->> 'kind' = 'silent-worker' AND unheard ->> 'was' IN ('PENDING', 'RETRY')
    AND $2 >= (
      SELECT count(*) FROM monitor.task AS other
      WHERE other.queue = $1 AND monitor.state_class(other.state) < 2
        AND other.state IN ('PENDING', 'RETRY', 'UNHEARD', 'RECEIVED'))`)

const CLOSE_UNLOCKS = `
  WITH found AS MATERIALIZED (
    SELECT task.task_id, body.published_at
    FROM monitor.task JOIN monitor.task AS body ON body.task_id = task.args #>> '{1,options,task_id}'
    WHERE left(task.name, 200) = 'celery.chord_unlock' AND monitor.state_class(task.state) < 2
      AND task.state IN ('PENDING', 'RETRY', 'UNHEARD') AND task.published_at > now() - interval '2 days'
      AND body.options IS NOT NULL AND NOT body.options ? 'reported_by'
    FOR NO KEY UPDATE OF task SKIP LOCKED
  )
  UPDATE monitor.task SET state = 'SUCCESS', state_at = found.published_at, finished_at = found.published_at,
    unheard = NULL, updated_at = now()
  FROM found
  WHERE task.task_id = found.task_id`
