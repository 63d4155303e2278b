import type { Database } from '../../database/database.ts'
import { type Check, noted, ok } from './check.ts'

/** Whether the workers that are heard of send events of their tasks. */
interface WorkerState {
  readonly hostname: string
  readonly sendsEvents: boolean
  /** Seconds that its clock is behind. */
  readonly drift: number | null
}

export async function workersCheck(database: Database): Promise<Check> {
  const name = 'workers'
  const workers = await database.query<WorkerState>(WORKERS)
  if (workers.length === 0) {
    return noted(name, 'none was heard of in the last minutes', 'start them with -E')
  }
  const wrong = workers.flatMap(({ hostname, drift }) =>
    drift === null ? [] : [`${hostname} (${Math.abs(drift)} s ${drift > 0 ? 'behind' : 'ahead'})`],
  )
  if (wrong.length > 0) {
    return noted(
      name,
      `clocks are wrong: ${wrong.slice(0, 10).join(', ')}`,
      'set their clocks (NTP)',
    )
  }
  const silent = workers.filter(({ sendsEvents }) => !sendsEvents).map(({ hostname }) => hostname)
  if (silent.length === 0) return ok(name, `${workers.length} heard of, none silent on its tasks`)
  return noted(
    name,
    `${silent.length} of ${workers.length} have run tasks and sent no events of them: ${silent.slice(0, 10).join(', ')}`,
    WHAT_EVENTS_ADD,
  )
}

const WHAT_EVENTS_ADD =
  'start them with -E (worker_send_task_events): the record then knows when each task was received and started, by which ' +
  'worker, how long it ran and whether it was lost; without, a task that left its queue is UNHEARD until its result is stored'

const WORKERS = `
  SELECT hostname, bool_or(task_event_at IS NOT NULL OR coalesce(processed, 0) = 0) AS "sendsEvents",
    (SELECT drift_s FROM monitor.worker WHERE worker.hostname = worker_process.hostname) AS drift
  FROM monitor.worker_process
  WHERE heard_at > now() - interval '5 minutes' AND coalesce(offline_at < last_heartbeat_at, true)
  GROUP BY hostname
  ORDER BY hostname`
