/** How a task was when it was looked at: nothing is done about one that has changed since. */
export interface Candidate {
  readonly taskId: string
  readonly name: string | null
  readonly queue: string | null
  /** As recorded: UNHEARD where it is in doubt already. */
  readonly state: string
  /** The state that it was in before it was in doubt. */
  readonly was: string
  readonly stateAt: string | null
  readonly retries: number
  /** The doubt that is noted already. */
  readonly doubt: string | null
  /** It is itself what became of another that was published again. */
  readonly isReplay: boolean
}

/** How a task was lost. */
export type LossKind = 'never-received' | 'worker-gone' | 'no-result'

/** Why nothing is known of a task. */
export type DoubtKind =
  /** Published, not in its queue any more, and a worker that sends no events may have taken it. */
  | 'silent-worker'
  /** Its worker announced its stop, and may still be finishing it. */
  | 'stopping'
  /** Its worker sends no heartbeats, but is connected, or may be. */
  | 'no-heartbeats'
  /** Its worker has it no longer, and reported no outcome. */
  | 'no-outcome'
  /** Its worker has ended, and had not acknowledged it, as far as is known: the broker gives it to another. */
  | 'given-back'

export type Finding = {
  readonly candidate: Candidate
  /** In words. */
  readonly reason: string
  readonly evidence: Readonly<Record<string, unknown>>
} & (
  | { readonly status: 'LOST'; readonly kind: LossKind }
  | { readonly status: 'UNHEARD'; readonly kind: DoubtKind }
)

/** The columns of a candidate, of `monitor.task AS task`. */
export const WAS = `(CASE WHEN task.state = 'UNHEARD' THEN task.unheard ->> 'was' ELSE task.state END)`

export const CANDIDATE = `task.task_id AS "taskId", task.name, task.queue, task.state, ${WAS} AS was,
  task.state_at::text AS "stateAt", task.retries, CASE WHEN task.state = 'UNHEARD' THEN task.unheard ->> 'kind' END AS doubt, task.replay_of IS NOT NULL AS "isReplay"`

/** What is known of a loss already; a new attempt may be lost anew. */
export const IS_NOTED = `(task.lost ->> 'was' IS NOT DISTINCT FROM ${WAS}
    AND task.lost ->> 'was_at' IS NOT DISTINCT FROM task.state_at::text
    AND task.lost ->> 'retries' IS NOT DISTINCT FROM task.retries::text)`

/**
 * The latest event of the task is that its worker cut it off, as a cold stop of Celery 5.5 and newer does: for a LATERAL
 * join, of `monitor.task AS task`. A task that is acknowledged late goes back to its queue then; one that is acknowledged
 * early is nowhere any more.
 */
export const CUT_OFF = `(
      SELECT hostname, happened_at FROM (
        SELECT type, hostname, happened_at FROM monitor.event
        WHERE event.task_id = task.task_id ORDER BY happened_at DESC LIMIT 1) AS latest
      WHERE type = 'task-cancelled' AND ${WAS} = 'RETRY')`

/** A task that waits in the vault is in no queue and held by no worker, and is safe. */
export const IS_SAFE =
  'EXISTS (SELECT FROM monitor.scheduled held WHERE held.task_id = task.task_id)'

export function inWords(ms: number): string {
  const s = ms / 1000
  if (s < 100) return `${Math.round(s)} s`
  if (s < 6000) return `${Math.round(s / 60)} min`
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} days`
}

export function seconds(ms: number): number {
  return Math.round(ms / 1000)
}
