import type { Connection } from '../../database/database.ts'
import { isLiving } from './census.ts'
import { CANDIDATE, type Candidate, CUT_OFF, IS_NOTED, IS_SAFE, WAS } from './finding.ts'
import { isCoveredSince } from './queue-record.ts'

/** A task in the hands of a process of a worker, and what is known of that process. */
export interface HeldTask extends Candidate {
  readonly worker: string
  readonly pid: number
  readonly software: string | null
  readonly isStarted: boolean
  /** It waits in its worker until its eta. */
  readonly isEarly: boolean
  /** When its process reported that it interrupted the task. */
  readonly cutOffAt: string | null
  /** It announced its stop: since so many milliseconds, by the database's clock. */
  readonly stoppingForMs: number | null
  readonly offlineAt: string | null
  /** Nothing was heard of it for so long that some heartbeats are missed, if it sends any. */
  readonly isSilent: boolean
  readonly lastHeartbeatAt: string | null
  /** Another process came online with its name and pid. */
  readonly restartedAt: string | null
  /** For so long that other process has sent heartbeats; the one that it replaced would have sent some between them. */
  readonly aloneForMs: number
  readonly heartbeatMs: number
  /** The process that was replaced had announced its stop. */
  readonly hadAnnounced: boolean
  /** Two living processes have its name and its pid, so that nothing shows which of them an event is of. */
  readonly isShared: boolean
  /** Another living process has its name, and may be the one that answers remote control. */
  readonly hasNamesake: boolean
  /** When it reported that it runs nothing, though this task had been started before. */
  readonly idleAt: string | null
  /** It answered remote control, so that the queue of that is there while it is connected. */
  readonly isKnown: boolean
  /** How a Python worker runs its tasks: prefork, solo, … */
  readonly pool: string | null
  /** When its process acknowledges it: as it starts it, or when it has ended; null where the process did not say. */
  readonly acknowledged: 'early' | 'late' | null
  readonly connection: string | null
  /** Its connection has been closed for so long. */
  readonly closedForMs: number | null
  readonly closedAt: string | null
  /** How many tasks the process ran at its last report; null where it never reported. */
  readonly active: number | null
  readonly activeAt: string | null
  /** The task had been started by then. */
  readonly isCounted: boolean
  readonly publishedAt: Date
  /** When the process was heard of last. */
  readonly heardForMs: number
  /** Whether all workers that may have taken it from its queue since send events of what they take. */
  readonly isCovered: boolean
}

/** What one pass looks at. Which of more is left to chance, so that the next passes look at the others. */
const MOST = 500

/** Tasks in the hands of processes that do not behave as living ones do. */
export async function tasksInTrouble(
  database: Connection,
  missedHeartbeats: number,
): Promise<readonly HeldTask[]> {
  return await database.query<HeldTask>(heldTasks(IN_TROUBLE), [missedHeartbeats, MOST])
}

/** Tasks that living processes have been running for a while, which they can be asked for. */
export async function tasksAtWork(
  database: Connection,
  missedHeartbeats: number,
): Promise<readonly HeldTask[]> {
  return await database.query<HeldTask>(heldTasks(AT_WORK), [missedHeartbeats, MOST])
}

const IS_STARTED = `${WAS} <> 'RECEIVED'`
const IS_STOPPING = `(process.offline_at >= greatest(process.last_heartbeat_at, process.online_at))`
const IS_SILENT = `(process.heard_at
      < now() - $1 * coalesce(nullif(process.heartbeat_every_s, 0), 2) * interval '1 second')`
const IS_RESTARTED = `(process.restarted_at > task.state_at)`
const HAD_ANNOUNCED = `(${IS_RESTARTED} AND process.offline_at > task.state_at AND process.offline_at < process.restarted_at)`
/** As the process reported that had the task. */
const ACTIVE = `CASE WHEN ${IS_RESTARTED} THEN process.active_before ELSE process.active END`
const ACTIVE_AT = `(CASE WHEN ${IS_RESTARTED} THEN process.active_before_at ELSE process.active_at END)`
const HAS_NAMESAKE = `EXISTS (SELECT FROM monitor.worker_process other
        WHERE other.hostname = process.hostname AND other.pid <> process.pid AND ${isLiving('other', '$1')})`
/** Heartbeats count what runs; the one after the start counts it, too. */
const IS_IDLE = `(${IS_STARTED} AND cut.hostname IS NULL AND ${IS_RESTARTED} IS NOT TRUE AND process.shared_at IS NULL
      AND process.idle_at > greatest(task.started_at, task.state_at) + interval '1 second')`

const IN_TROUBLE = `(${IS_STOPPING} OR ${IS_SILENT} OR ${IS_RESTARTED} OR ${IS_IDLE})`
const AT_WORK = `(${IS_STARTED} AND cut.hostname IS NULL AND NOT coalesce(${IS_STOPPING}, false) AND NOT ${IS_SILENT}
      AND task.state <> 'UNHEARD' AND process.software IS DISTINCT FROM 'celery-toolbox'
      AND task.started_at < now() - interval '10 seconds')`

/** A task that is known by events alone may have a name that no worker knows, its shadow. */
const ACKNOWLEDGED = '(process.acknowledges ->> task.name)'

/** It ended and reported no outcome: the later end of its worker changes nothing. */
const IS_OVER = `(task.state = 'UNHEARD' AND task.unheard ->> 'kind' = 'no-outcome')`

/** The process id that the latest event of the task names. */
const LATEST_PID = `
      SELECT (fields ->> 'pid')::numeric AS pid FROM monitor.event
      WHERE event.task_id = task.task_id AND event.hostname = task.worker
        AND jsonb_typeof(fields -> 'pid') = 'number'
      ORDER BY happened_at DESC LIMIT 1`
const IS_RUNNING = `(${WAS} NOT IN ('PENDING', 'RETRY', 'LOST') AND meta.status IS DISTINCT FROM 'RETRY')`
const IS_NOT_OVER = `monitor.state_class(task.state) = 1 AND monitor.state_class(meta.status) < 2`

/** Its process is that of its latest event; where no event names one, the one of that name that was heard of last. */
const heldTasks = (condition: string): string => `
  SELECT * FROM (
    SELECT DISTINCT ON (task.task_id) ${CANDIDATE}, task.worker, process.pid, process.software,
      ${IS_STARTED} AS "isStarted", coalesce(task.eta > now(), false) AS "isEarly", cut.happened_at::text AS "cutOffAt",
      CASE WHEN ${IS_STOPPING} THEN extract(epoch FROM now() - process.heard_at)::float8 * 1000 END AS "stoppingForMs",
      process.offline_at::text AS "offlineAt", ${IS_SILENT} AS "isSilent",
      process.last_heartbeat_at::text AS "lastHeartbeatAt",
      CASE WHEN ${IS_RESTARTED} THEN process.restarted_at::text END AS "restartedAt",
      coalesce(extract(epoch FROM process.last_heartbeat_at - process.restarted_at), 0)::float8 * 1000 AS "aloneForMs",
      coalesce(nullif(process.heartbeat_every_s, 0), 2) * 1000 AS "heartbeatMs",
      coalesce(${HAD_ANNOUNCED}, false) AS "hadAnnounced", process.shared_at IS NOT NULL AS "isShared", ${HAS_NAMESAKE} AS "hasNamesake",
      CASE WHEN ${IS_IDLE} THEN process.idle_at::text END AS "idleAt",
      process.queues IS NOT NULL AS "isKnown", process.pool, ${ACKNOWLEDGED} AS acknowledged, process.connection, process.closed_at::text AS "closedAt",
      extract(epoch FROM now() - process.closed_at)::float8 * 1000 AS "closedForMs",
      ${ACTIVE} AS active, ${ACTIVE_AT}::text AS "activeAt",
      coalesce(${IS_STARTED} AND task.started_at < ${ACTIVE_AT}, false) AS "isCounted",
      task.published_at AS "publishedAt", extract(epoch FROM now() - process.heard_at)::float8 * 1000 AS "heardForMs",
      ${isCoveredSince('process.heard_at')} AS "isCovered"
    FROM monitor.worker_process process
    JOIN monitor.task ON task.worker = process.hostname
    LEFT JOIN monitor.queue ON queue.name = task.queue
    LEFT JOIN public.celery_taskmeta meta ON meta.task_id = task.task_id
    LEFT JOIN LATERAL (${LATEST_PID}) AS latest ON true
    LEFT JOIN LATERAL ${CUT_OFF} AS cut ON cut.hostname = task.worker
    WHERE ${IS_NOT_OVER} AND (${IS_RUNNING} OR cut.hostname IS NOT NULL)
      AND (latest.pid = process.pid OR (latest.pid IS NULL AND process.heard_at = (
        SELECT max(heard_at) FROM monitor.worker_process other WHERE other.hostname = process.hostname)))
      AND NOT ${IS_NOTED} AND NOT ${IS_SAFE} AND NOT ${IS_OVER}
      AND ${condition}
    ORDER BY task.task_id, process.heard_at DESC
  ) AS held
  ORDER BY random()
  LIMIT $2`

/**
 * How many tasks of a process are left that it was running when it reported their number: those that this number itself
 * has put in doubt are among them.
 */
export async function countLeft(
  database: Connection,
  { worker, pid, activeAt }: HeldTask,
): Promise<number> {
  const [row] = await database.query<{ left: number }>(LEFT, [worker, pid, activeAt])
  return row?.left ?? 0
}

const LEFT = `
  SELECT count(*)::integer AS left
  FROM monitor.task
  LEFT JOIN public.celery_taskmeta meta ON meta.task_id = task.task_id
  LEFT JOIN LATERAL (${LATEST_PID}) AS latest ON true
  WHERE task.worker = $1 AND ${IS_NOT_OVER} AND ${IS_RUNNING} AND ${IS_STARTED} AND task.started_at < $3::text::timestamptz
    AND coalesce(latest.pid = $2::integer, true) AND NOT ${IS_NOTED}
    AND (NOT ${IS_OVER} OR task.unheard #>> '{evidence,reported_at}' = $3)`
