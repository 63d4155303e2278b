import type { Gauge } from 'prom-client'
import type { Connection } from '../../database/database.ts'
import type { MetricSource, MetricsKit } from './metrics.ts'

interface QueueAge {
  readonly queue: string
  readonly age: number
}

interface WorkerClock {
  readonly worker: string
  readonly drift: number
}

interface StateCount {
  readonly state: string
  readonly tasks: number
}

/**
 * What the tables say: every monitor of a database shows the same, so take the maximum of them, not the sum. Nothing here
 * looks at tasks that are over.
 */
export class RecordMetrics implements MetricSource {
  readonly name = 'record'
  readonly #database: Connection
  readonly #queues: readonly string[]
  #countAgainAtMs = 0
  readonly #oldest: Gauge
  readonly #unfinished: Gauge
  readonly #quarantined: Gauge
  readonly #workers: Gauge
  readonly #drift: Gauge

  constructor(
    { prometheus, registry }: MetricsKit,
    { database, queues }: { readonly database: Connection; readonly queues: readonly string[] },
  ) {
    this.#database = database
    this.#queues = queues
    const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
      new prometheus.Gauge({
        name: `celery_toolbox_${name}`,
        help,
        labelNames,
        registers: [registry],
      })
    this.#oldest = gauge(
      'queue_oldest_seconds',
      'For how long the oldest task that no worker has received is due, by queue.',
      'queue',
    )
    this.#unfinished = gauge('tasks', 'Tasks that are not over, by state.', 'state')
    this.#quarantined = gauge('quarantined_messages', 'Messages in the quarantine.')
    this.#workers = gauge(
      'workers',
      'Workers that are heard of: two heartbeats missed, and one is gone.',
    )
    this.#drift = gauge(
      'worker_clock_drift_seconds',
      'How far the clock of a worker is behind; less than 0: ahead. None for a clock that is right.',
      'worker',
    )
  }

  async collect(): Promise<void> {
    const ages = await this.#database.query<QueueAge>(OLDEST, [this.#queues])
    for (const { queue, age } of ages) this.#oldest.set({ queue }, age)
    const [counts] = await this.#database.query<{ quarantined: number; workers: number }>(COUNTS)
    this.#quarantined.set(counts?.quarantined ?? 0)
    this.#workers.set(counts?.workers ?? 0)
    const clocks = await this.#database.query<WorkerClock>(CLOCKS)
    this.#drift.reset()
    for (const { worker, drift } of clocks) this.#drift.set({ worker }, drift)
    await this.#countUnfinished()
  }

  /** Counting a million takes its time: never more than a small part of it is spent on that. */
  async #countUnfinished(): Promise<void> {
    const startedAtMs = performance.now()
    if (startedAtMs < this.#countAgainAtMs) return
    const states = await this.#database.query<StateCount>(UNFINISHED)
    this.#unfinished.reset()
    for (const { state, tasks } of states) this.#unfinished.set({ state }, tasks)
    const endedAtMs = performance.now()
    this.#countAgainAtMs = endedAtMs + 50 * (endedAtMs - startedAtMs)
  }
}

/** For each queue the first of what waits, by the index of that. */
const OLDEST = `
  SELECT queue, coalesce(extract(epoch FROM now() - oldest.due), 0)::double precision AS age
  FROM unnest($1::text[]) AS queue
  LEFT JOIN LATERAL (
    SELECT greatest(published_at, eta) AS due FROM monitor.task
    WHERE task.queue = queue.queue AND monitor.state_class(state) < 2 AND state = 'PENDING'
      AND (eta IS NULL OR eta <= now()) AND (expires IS NULL OR expires > now())
    ORDER BY published_at LIMIT 1
  ) AS oldest ON true`

const UNFINISHED = `
  SELECT state, count(*)::integer AS tasks FROM monitor.task
  WHERE monitor.state_class(state) < 2 GROUP BY state`

/** By the clock of the database: those of workers may be far off. */
const IS_HEARD_OF = `(offline_at IS NULL OR offline_at < last_heartbeat_at)
       AND updated_at > now() - make_interval(secs => 2 * least(coalesce(heartbeat_every_s, 2), 86400) + 5)`

const COUNTS = `
  SELECT
    (SELECT count(*)::integer FROM monitor.quarantine WHERE resolved_at IS NULL) AS quarantined,
    (SELECT count(*)::integer FROM monitor.worker
     WHERE ${IS_HEARD_OF}) AS workers`

/** The worst of them. */
const CLOCKS = `
  SELECT hostname AS worker, drift_s AS drift FROM monitor.worker
  WHERE drift_s IS NOT NULL AND ${IS_HEARD_OF}
  ORDER BY abs(drift_s) DESC LIMIT 200`
