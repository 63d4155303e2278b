import type { ApiLook } from '../../../src/brokers/amqp/management-api.ts'
import type { Database } from '../../../src/database/database.ts'
import type { ReconciledLoss } from '../../../src/monitor/states/act-on-loss.ts'
import { Reconciler, type ReconcilerOptions } from '../../../src/monitor/states/reconciler.ts'
import { recordTask } from './recorded.ts'

/** Announces its stop, and then finishes its tasks. */
export const PYTHON = { software: 'py-celery', pool: 'prefork' }

/** Work queues are consumed, and workers that are gone have no queue of remote control. */
async function depthOf(queue: string): Promise<{ messages: number; consumers: number }> {
  return { messages: 0, consumers: queue.endsWith('.pidbox') ? 0 : 1 }
}

export function reconcilerOf(
  database: Database,
  options: Partial<ReconcilerOptions> = {},
): Reconciler {
  return new Reconciler({
    database,
    broker: { depth: depthOf },
    config: { platformQueue: 'platform.fifo' },
    graceMs: 5,
    callRoll: async () => ({ answered: new Set(['w1@host', 'w2@host']), holders: new Map() }),
    ...options,
  })
}

/** Two looks: what was seen empty, and the record up to date, has been so for a while at the second. */
export async function passes(reconciler: Reconciler): Promise<readonly ReconciledLoss[]> {
  const first = await reconciler.pass()
  const startedMs = Date.now()
  while (Date.now() - startedMs < 10) await new Promise((wake) => setImmediate(wake))
  return [...first, ...(await reconciler.pass())]
}

export async function published(
  database: Database,
  task_id: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const published_at = new Date(Date.now() - 600_000)
  await recordTask(database, {
    task_id,
    name: 'export.pdf',
    queue: 'export',
    published_at,
    ...more,
  })
}

export async function received(database: Database, taskId: string, worker: string): Promise<void> {
  const at = new Date(Date.now() - 300_000)
  const run = { state: 'SUCCESS', state_at: at, received_at: at, worker, result: 1 }
  await published(database, taskId, run)
}

export async function started(database: Database, taskId: string, worker: string): Promise<void> {
  const at = new Date(Date.now() - 300_000)
  await published(database, taskId, { state: 'STARTED', state_at: at, started_at: at, worker })
}

interface Heard {
  readonly hostname: string
  readonly ago: string
  readonly software?: string
  readonly pid?: number
  /** SQL. */
  readonly offline?: string
  readonly online?: string
  readonly restarted?: string
  readonly idle?: string
  /** null: it never answered. */
  readonly queues?: string | null
  readonly pool?: string
  /** Name of the task that it acknowledges late; null: it did not say. Default: none. */
  readonly late?: string | null
}

export async function heard(database: Database, worker: Heard): Promise<void> {
  const online = worker.online ?? "now() - interval '1 hour'"
  const offline = worker.offline ?? 'null'
  const of = [worker.hostname, worker.pid ?? 1, worker.ago]
  await database.query(
    `insert into monitor.worker (hostname, pid, last_heartbeat_at, updated_at, online_at, offline_at, heartbeat_every_s)
     values ($1, $2, now() - $3::interval, now() - $3::interval, ${online}, ${offline}, 2)`,
    of,
  )
  await database.query(
    `insert into monitor.worker_process (hostname, pid, last_heartbeat_at, heard_at, online_at, offline_at,
       heartbeat_every_s, task_event_at, processed, software, restarted_at, idle_at, queues, pool, acknowledges)
     values ($1, $2, now() - $3::interval, now() - $3::interval, ${online}, ${offline}, 2, now(), 1, $4,
       ${worker.restarted ?? 'null'}, ${worker.idle ?? 'null'}, $5, $6, $7)`,
    [
      ...of,
      worker.software ?? 'celery-toolbox',
      worker.queues === undefined ? '{}' : worker.queues,
      worker.pool ?? null,
      worker.late === null ? null : { 'export.pdf': 'early', [worker.late ?? '']: 'late' },
    ],
  )
}

/** A process that tells of its tasks, unless `told` says otherwise. */
export async function process(
  database: Database,
  hostname: string,
  {
    told = 'now()',
    processed = 1,
    heard = 'now()',
    offline = 'null',
    queues = '{export}',
    online = "now() - interval '1 hour'",
  } = {},
): Promise<void> {
  await database.query(
    `insert into monitor.worker_process
       (hostname, pid, last_heartbeat_at, heard_at, online_at, offline_at, heartbeat_every_s, task_event_at, processed, queues)
     values ($1, 1, ${heard}, ${heard}, ${online}, ${offline}, 30, ${told}, $2, $3)`,
    [hostname, processed, queues === 'NULL' ? null : queues],
  )
}

/** The queue was looked at all the time, and never had more consumers than are known. */
export async function watched(database: Database): Promise<void> {
  await database.query(
    `insert into monitor.queue (name, looked_at, messages, consumers, covered_since)
     values ('export', now(), 0, 1, now() - interval '1 hour')
     on conflict (name) do update set looked_at = now(), covered_since = excluded.covered_since`,
  )
}

export function queueWith(depth: (queue: string) => { messages: number; consumers: number }) {
  return {
    depth: async (queue: string) =>
      queue === 'platform.fifo' ? { messages: 0, consumers: 1 } : depth(queue),
  }
}

export function apiLook(look: Partial<ApiLook>): ApiLook {
  return { connectionOf: () => null, isOpen: () => true, unacknowledged: () => null, ...look }
}

export async function told(database: Database, taskId: string): Promise<Record<string, unknown>> {
  const [row] = await database.query<Record<string, unknown>>(
    'select * from monitor.task_history where task_id = $1',
    [taskId],
  )
  return row ?? {}
}
