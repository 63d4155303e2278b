import type { Counter, Gauge, Histogram } from 'prom-client'
import { BoundedLabels } from './bounded-labels.ts'
import type { MetricSource, MetricsKit } from './metrics.ts'

/** A run of a task that has ended. */
interface RunSeen {
  readonly task: string
  /** How: "success", "failure", "retry", ... */
  readonly kind: string
  readonly runtimeMs: number | null
}

/** A stand-still of the event loop. */
interface BlockSeen {
  /** The tasks that may have caused it. */
  readonly among: readonly string[]
  readonly blockedMs: number
}

/** How busy a worker is. */
interface WorkerSeen {
  readonly running: number
  readonly concurrency: number
}

const SECONDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600]

/** How a worker and its tasks fare. */
export class WorkerMetrics implements MetricSource {
  readonly name = 'worker'
  readonly #stats: () => WorkerSeen
  readonly #labels = new BoundedLabels()
  readonly #runs: Counter
  readonly #seconds: Histogram
  readonly #blocked: Counter
  readonly #running: Gauge
  readonly #slots: Gauge

  constructor({ prometheus, registry }: MetricsKit, stats: () => WorkerSeen) {
    this.#stats = stats
    const registers = [registry]
    this.#runs = new prometheus.Counter({
      name: 'celery_toolbox_worker_runs_total',
      help: 'Runs of tasks that have ended, by how.',
      labelNames: ['task', 'outcome'],
      registers,
    })
    this.#seconds = new prometheus.Histogram({
      name: 'celery_toolbox_worker_run_seconds',
      help: 'How long runs of a task took.',
      labelNames: ['task'],
      buckets: SECONDS,
      registers,
    })
    this.#blocked = new prometheus.Counter({
      name: 'celery_toolbox_worker_loop_blocked_seconds_total',
      help: 'Seconds for which tasks kept the event loop, and all other tasks, from running.',
      labelNames: ['task'],
      registers,
    })
    this.#running = new prometheus.Gauge({
      name: 'celery_toolbox_worker_running',
      help: 'Tasks that run now.',
      registers,
    })
    this.#slots = new prometheus.Gauge({
      name: 'celery_toolbox_worker_concurrency',
      help: 'Tasks that may run at a time.',
      registers,
    })
  }

  onRun({ task, kind, runtimeMs }: RunSeen): void {
    const label = this.#labels.of(task)
    this.#runs.inc({ task: label, outcome: kind })
    if (runtimeMs !== null) this.#seconds.observe({ task: label }, runtimeMs / 1_000)
  }

  onBlocked({ among, blockedMs }: BlockSeen): void {
    const [task = '', ...others] = among
    const label = others.length === 0 ? this.#labels.of(task) : 'several'
    this.#blocked.inc({ task: label }, blockedMs / 1_000)
  }

  collect(): Promise<void> {
    const { running, concurrency } = this.#stats()
    this.#running.set(running)
    this.#slots.set(concurrency)
    return Promise.resolve()
  }
}
