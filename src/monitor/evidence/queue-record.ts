import type { ApiLook } from '../../brokers/amqp/management-api.ts'
import type { Connection } from '../../database/database.ts'
import { isLiving } from './census.ts'
import type { ObservedQueue } from './observed-queues.ts'

interface QueueRecord {
  readonly queue: string
  readonly observed: ObservedQueue
  readonly look: ApiLook | undefined
  readonly missedHeartbeats: number
  /** How often it is looked at. */
  readonly everyMs: number
  /** Whether events of Python workers may be missing until now. */
  readonly lacksEvents: boolean
}

/**
 * Writes down what a look at a queue found. A queue is covered while it has no more consumers than there are workers that
 * are heard of and say that they take from it: a worker that sends nothing at all may take what it likes unseen.
 */
export async function recordQueue(database: Connection, record: QueueRecord): Promise<void> {
  const { queue, observed, look, missedHeartbeats, everyMs, lacksEvents } = record
  const { messages, consumers } = observed
  const unacknowledged = look?.unacknowledged(queue) ?? null
  await database.query(UPSERT, [
    queue,
    messages,
    consumers,
    unacknowledged,
    missedHeartbeats,
    Math.max(LONGEST_GAP_MS, 4 * everyMs),
    lacksEvents,
  ])
}

/** Longer between two looks, and a worker may have come and gone. */
const LONGEST_GAP_MS = 120_000

/**
 * Of a task that was in a queue at that time: whether every worker that may have taken it from there sends events of its
 * tasks. One that has run tasks, and never sent any of them, does not. For `monitor.queue`, joined.
 */
export function isCoveredSince(time: string): string {
  return `coalesce(${time} >= queue.covered_since AND NOT EXISTS (
        SELECT FROM monitor.worker_process silent
        WHERE silent.task_event_at IS NULL AND silent.processed > 0 AND silent.heard_at >= ${time}), false)`
}

/** The same of a task whose events were not persistent, and may be missing. */
export function mayLackEvents(time: string): string {
  return `coalesce(${time} < queue.events_from, false)`
}

const TAKERS = `
  SELECT count(*) FROM monitor.worker_process process
  WHERE ${isLiving('process', '$5')} AND $1 = ANY (process.queues)`

const UPSERT = `
  INSERT INTO monitor.queue AS kept (name, looked_at, messages, consumers, unacknowledged, covered_since)
  SELECT $1, now(), $2::integer, $3::integer, $4::integer, CASE WHEN $3::integer <= (${TAKERS}) THEN now() END
  ON CONFLICT (name) DO UPDATE SET
    looked_at = excluded.looked_at, messages = excluded.messages, consumers = excluded.consumers,
    unacknowledged = excluded.unacknowledged,
    covered_since = CASE WHEN excluded.covered_since IS NULL THEN NULL
      WHEN kept.looked_at < now() - $6::float8 * interval '1 millisecond' THEN excluded.covered_since
      ELSE coalesce(kept.covered_since, excluded.covered_since) END,
    events_from = CASE WHEN $7 AND EXISTS (
        SELECT FROM monitor.worker_process python WHERE python.software = 'py-celery' AND $1 = ANY (python.queues))
      THEN now() ELSE kept.events_from END`
