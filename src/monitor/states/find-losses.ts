import type { Connection } from '../../database/database.ts'
import type { Loss, LossCandidate } from './loss.ts'
import type { ObservedQueue } from './observed-queues.ts'

export interface LossLimits {
  /** For how long a queue must have been empty, and a task due, before the task is missed. */
  readonly graceMs: number
  /** The same where workers do not tell what they receive. */
  readonly silentMs: number
  /** So many heartbeats that did not come make a worker one that is gone. */
  readonly missedHeartbeats: number
}

export type FoundLoss = Loss & LossCandidate

/** What one pass looks at: the rest is for the next. */
const MOST = 500

/** Tasks that were published to a queue that has been empty for a while, and that nobody has received. */
export async function findNeverReceived(
  connection: Connection,
  queue: string,
  observed: ObservedQueue,
  limits: LossLimits,
): Promise<readonly FoundLoss[]> {
  if (observed.emptySinceMs === null) return []
  const emptyMs = Date.now() - observed.emptySinceMs
  if (emptyMs < limits.graceMs) return []
  const [heard] = await connection.query<Heard>(TELLING_WORKERS, [queue])
  const telling = heard?.workers ?? 0
  const isTold = telling > 0 && telling >= observed.consumers
  const toldSince = isTold ? heard?.since : null
  const missing = await connection.query<Missing>(NEVER_RECEIVED, [
    queue,
    limits.graceMs,
    MOST,
    toldSince,
  ])
  // Who does not tell what it receives may have it in its hands, or run it.
  const waitMs = isTold ? limits.graceMs : limits.silentMs
  return missing
    .filter(({ dueMs }) => Math.min(dueMs, emptyMs) >= waitMs)
    .map((task) => ({
      ...task,
      kind: 'never-received' as const,
      reason:
        `${task.state === 'RETRY' ? `retry ${task.retries} was` : 'it was'} published to queue ${queue}, which has been ` +
        `empty for ${inWords(emptyMs)}, and no worker has received it`,
      evidence: {
        published_at: task.publishedAt,
        due_for_s: seconds(task.dueMs),
        queue_empty_for_s: seconds(emptyMs),
        consumers: observed.consumers,
        workers_that_tell: telling,
      },
    }))
}

/**
 * Tasks in the hands of workers that are gone. What was not started was not acknowledged, and is back in its queue: it
 * is missed only once that queue has been empty for a while.
 */
export async function findWorkerGone(
  connection: Connection,
  emptyQueues: readonly string[],
  limits: LossLimits,
): Promise<readonly FoundLoss[]> {
  const tasks = await connection.query<Abandoned>(WORKER_GONE, [
    limits.missedHeartbeats,
    MOST,
    emptyQueues,
  ])
  return tasks.map((task) => ({
    ...task,
    kind: 'worker-gone' as const,
    reason: `worker ${task.worker} ${TROUBLE[task.trouble.kind]} at ${task.trouble.at}, and nothing was heard of the task since`,
    evidence: { worker: task.worker, worker_is: task.trouble.kind, since: task.trouble.at },
  }))
}

/** Tasks that a worker says have succeeded, without a result in the backend. */
export async function findNoResult(
  connection: Connection,
  limits: LossLimits,
): Promise<readonly FoundLoss[]> {
  const tasks = await connection.query<LossCandidate>(NO_RESULT, [limits.graceMs, MOST])
  return tasks.map((task) => ({
    ...task,
    kind: 'no-result' as const,
    reason: 'a worker told that it succeeded, and the result backend holds no result of it',
    evidence: { succeeded_at: task.stateAt },
  }))
}

interface Missing extends LossCandidate {
  readonly publishedAt: Date
  readonly dueMs: number
}

interface Heard {
  readonly workers: number
  readonly since: string | null
}

interface Abandoned extends LossCandidate {
  readonly worker: string
  readonly trouble: { readonly kind: 'offline' | 'silent' | 'restarted'; readonly at: string }
}

const TROUBLE = {
  offline: 'went offline',
  silent: 'was heard of last',
  restarted: 'was started again, as another process,',
} as const

export function inWords(ms: number): string {
  const s = ms / 1000
  if (s < 100) return `${Math.round(s)} s`
  if (s < 6000) return `${Math.round(s / 60)} min`
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} days`
}

function seconds(ms: number): number {
  return Math.round(ms / 1000)
}

const TASK = `task.task_id AS "taskId", task.name, task.queue, task.state, task.state_at::text AS "stateAt", task.retries,
  task.replay_of IS NOT NULL AS "isReplay"`

/** What is known of a loss already; a new attempt may be lost anew. */
export const IS_NOTED = `(task.lost ->> 'was' IS NOT DISTINCT FROM task.state
    AND task.lost ->> 'was_at' IS NOT DISTINCT FROM task.state_at::text
    AND task.lost ->> 'retries' IS NOT DISTINCT FROM task.retries::text)`

/** What waits in the vault is in no queue and in nobody's hands, and is safe. */
const IS_SAFE = 'EXISTS (SELECT FROM monitor.scheduled held WHERE held.task_id = task.task_id)'

/**
 * When a retry was published is not kept, but the row was changed then. What is stored was begun. What is to leave no
 * result may have run unseen, unless workers told what they receive by then ($4).
 */
const NEVER_RECEIVED = `
  SELECT * FROM (
    SELECT ${TASK}, task.published_at AS "publishedAt", extract(epoch FROM now() - greatest(
        task.published_at, task.eta, CASE WHEN task.state = 'RETRY' THEN task.updated_at END))::float8 * 1000 AS "dueMs"
    FROM monitor.task
    LEFT JOIN public.celery_taskmeta meta ON meta.task_id = task.task_id
    WHERE task.queue = $1 AND monitor.state_class(task.state) < 2 AND task.state IN ('PENDING', 'RETRY')
      AND task.published_at < now() - $2 * interval '1 millisecond'
      AND (task.eta IS NULL OR task.eta < now() - $2 * interval '1 millisecond')
      AND (task.expires IS NULL OR task.expires > now())
      AND (meta.task_id IS NULL OR meta.status IN ('PENDING', task.state))
      AND ((task.options @> '{"ignore_result": true}') IS NOT TRUE OR task.published_at >= $4::timestamptz)
      AND NOT ${IS_NOTED} AND NOT ${IS_SAFE}
    ORDER BY task.published_at
    LIMIT 10 * $3::integer
  ) AS missing
  WHERE "dueMs" >= $2
  LIMIT $3`

/** How many workers have told lately that they received something of the queue, and since when. */
const TELLING_WORKERS = `
  SELECT count(DISTINCT worker)::integer AS workers, min(received_at)::text AS since
  FROM (
    SELECT worker, queue, received_at FROM monitor.task
    WHERE published_at > now() - interval '1 day'
    ORDER BY published_at DESC LIMIT 5000
  ) AS recent
  WHERE queue = $1 AND received_at IS NOT NULL`

const WORKER_GONE = `
  SELECT * FROM (
    SELECT ${TASK}, task.worker,
      monitor.worker_trouble(task.worker, task.task_id, task.state_at, $1) AS trouble
    FROM monitor.worker
    JOIN monitor.task ON task.worker = worker.hostname
    LEFT JOIN public.celery_taskmeta meta ON meta.task_id = task.task_id
    WHERE monitor.state_class(task.state) = 1 AND task.state NOT IN ('RETRY', 'LOST')
      AND meta.status IS DISTINCT FROM 'RETRY' AND monitor.state_class(meta.status) < 2
      AND (task.state <> 'RECEIVED' OR task.queue IS NULL OR task.queue = ANY($3))
      AND NOT ${IS_NOTED} AND NOT ${IS_SAFE}
  ) AS held
  WHERE trouble IS NOT NULL
  LIMIT $2`

/** Long ago it may have been there, and have been deleted in its time. */
const NO_RESULT = `
  SELECT ${TASK}
  FROM monitor.task
  WHERE monitor.state_class(state) = 2 AND result IS NULL AND lost IS NULL
    AND (options @> '{"ignore_result": true}') IS NOT TRUE
    AND state = 'SUCCESS' AND options IS NOT NULL
    AND state_at > now() - interval '1 hour' AND state_at < now() - $1 * interval '1 millisecond'
    AND NOT EXISTS (SELECT FROM public.celery_taskmeta meta WHERE meta.task_id = task.task_id)
  ORDER BY state_at
  LIMIT $2`
