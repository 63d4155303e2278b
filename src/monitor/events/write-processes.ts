import { bigint, float8, integer, text, timeMs } from '../../database/copy/copy-columns.ts'
import type { Transaction } from '../../database/database.ts'
import { Stage } from '../stored/stage.ts'
import type { WorkerEntry } from './worker-entry.ts'

/** Moves the rows of processes forward, in the order of their keys; all of them have a pid. */
export async function writeProcesses(
  connection: Transaction,
  workers: readonly WorkerEntry[],
): Promise<void> {
  await STAGE.write(connection, workers, UPSERT)
}

const STAGE = new Stage<WorkerEntry>('process', [
  text('hostname', (worker) => worker.hostname),
  integer('pid', (worker) => worker.pid),
  timeMs('at', (worker) => worker.atMs),
  text('kind', (worker) => worker.kind),
  text('software', (worker) => worker.software),
  float8('heartbeat_every_s', (worker) => worker.everySeconds),
  integer('active', (worker) => worker.active),
  bigint('processed', (worker) => worker.processed),
])

const LATEST_PROCESSED =
  '(array_agg(processed ORDER BY at DESC, processed DESC) FILTER (WHERE processed IS NOT NULL))[1]'

/** Of several events of a process in a batch each kind gives its latest time, and the latest gives the counts. */
const NEW = `
  SELECT hostname, pid, max(software COLLATE "C") AS software, max(heartbeat_every_s) AS heartbeat_every_s,
    max(at) FILTER (WHERE kind = 'online') AS online_at,
    max(at) FILTER (WHERE kind IN ('online', 'heartbeat')) AS last_heartbeat_at,
    max(at) FILTER (WHERE kind = 'offline') AS offline_at,
    max(at) FILTER (WHERE kind <> 'task' AND active = 0) AS idle_at,
    CASE WHEN bool_or(kind = 'task') THEN now() END AS task_event_at,
    max(at) FILTER (WHERE active IS NOT NULL) AS active_at,
    CASE WHEN max(processed) > ${LATEST_PROCESSED} AND NOT bool_or(kind = 'online') THEN now() END AS shared_at,
    (array_agg(active ORDER BY at DESC, active DESC) FILTER (WHERE active IS NOT NULL))[1] AS active,
    ${LATEST_PROCESSED} AS processed
  FROM ${STAGE.table}
  GROUP BY hostname, pid
  ORDER BY hostname COLLATE "C", pid`

const TIMES = [
  'online_at',
  'last_heartbeat_at',
  'offline_at',
  'idle_at',
  'task_event_at',
  'heartbeat_every_s',
  'active_at',
] as const

/** Who comes online anew is connected anew, and is asked anew. */
const COMES_AGAIN = 'excluded.online_at > kept.online_at'
const IS_LATER = `coalesce(greatest(excluded.last_heartbeat_at, excluded.offline_at)
      >= greatest(kept.last_heartbeat_at, kept.offline_at), true)`
/** It has processed less than before, and not because the event is an older one: every connection makes a worker come online. */
const IS_ANOTHER = `${COMES_AGAIN} AND ${IS_LATER} AND excluded.processed < kept.processed`
/** No process has processed less than before: two have its name and pid, as containers may, and both are alive. */
const IS_SHARED = `(excluded.shared_at IS NOT NULL OR (${IS_LATER} AND excluded.processed < kept.processed))`

const UPSERT = `
  INSERT INTO monitor.worker_process AS kept (hostname, pid, software, processed, active, shared_at, ${TIMES.join(', ')})
  SELECT hostname, pid, software, processed, active, shared_at, ${TIMES.join(', ')} FROM (${NEW}) AS news
  ON CONFLICT (hostname, pid) DO UPDATE SET
    software = coalesce(excluded.software, kept.software),
    processed = CASE WHEN ${IS_LATER} THEN coalesce(excluded.processed, kept.processed) ELSE kept.processed END,
    active = CASE WHEN ${IS_LATER} THEN coalesce(excluded.active, kept.active) ELSE kept.active END,
    restarted_at = CASE WHEN ${IS_ANOTHER} THEN excluded.online_at WHEN ${COMES_AGAIN} THEN kept.restarted_at
      WHEN ${IS_SHARED} THEN NULL ELSE kept.restarted_at END,
    active_before = CASE WHEN ${IS_ANOTHER} THEN kept.active ELSE kept.active_before END,
    active_before_at = CASE WHEN ${IS_ANOTHER} THEN kept.active_at ELSE kept.active_before_at END,
    shared_at = CASE WHEN ${COMES_AGAIN} THEN NULL WHEN ${IS_SHARED} THEN now() ELSE kept.shared_at END,
    connection = CASE WHEN ${COMES_AGAIN} THEN NULL ELSE kept.connection END,
    closed_at = CASE WHEN ${COMES_AGAIN} THEN NULL ELSE kept.closed_at END,
    queues = CASE WHEN ${COMES_AGAIN} THEN NULL ELSE kept.queues END,
    pool = CASE WHEN ${COMES_AGAIN} THEN NULL ELSE kept.pool END,
    acknowledges = CASE WHEN ${COMES_AGAIN} THEN NULL ELSE kept.acknowledges END,
    ${TIMES.map((column) => `${column} = greatest(kept.${column}, excluded.${column})`).join(',\n    ')},
    heard_at = now()`
