import type { Counter, Gauge, Histogram } from 'prom-client'
import type { MetricSource, MetricsKit } from './metrics.ts'

/** What a monitor says of one transaction. */
interface BatchSeen {
  readonly messages: number
  readonly quarantined: number
  readonly refused: number
  readonly durationMs: number
}

/** What a monitor says of itself at any time. */
interface MonitorSeen {
  readonly waiting: number
  readonly lagMs: number
  readonly isDatabaseAway: boolean
}

/** How the recording goes. */
export class MonitorMetrics implements MetricSource {
  readonly name = 'monitor'
  readonly #stats: () => MonitorSeen
  readonly #messages: Counter
  readonly #batch: Histogram
  readonly #lastBatch: Gauge
  readonly #lag: Gauge
  readonly #waiting: Gauge
  readonly #database: Gauge

  constructor({ prometheus, registry }: MetricsKit, stats: () => MonitorSeen) {
    this.#stats = stats
    const registers = [registry]
    const gauge = (name: string, help: string): Gauge =>
      new prometheus.Gauge({ name: `celery_toolbox_monitor_${name}`, help, registers })
    this.#messages = new prometheus.Counter({
      name: 'celery_toolbox_monitor_messages_total',
      help: 'Messages handled, by outcome.',
      labelNames: ['outcome'],
      registers,
    })
    for (const outcome of ['recorded', 'quarantined', 'refused']) this.#messages.inc({ outcome }, 0)
    this.#batch = new prometheus.Histogram({
      name: 'celery_toolbox_monitor_batch_seconds',
      help: 'How long it took to write, commit and acknowledge a batch.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
      registers,
    })
    this.#lastBatch = gauge('last_batch_timestamp_seconds', 'When a batch was committed last.')
    this.#lag = gauge('lag_seconds', 'For how long the oldest message in hand is not recorded.')
    this.#waiting = gauge('waiting_messages', 'Messages in hand that are not being written yet.')
    this.#database = gauge('database_up', '1 while the database can be written to, else 0.')
  }

  onBatch({ messages, quarantined, refused, durationMs }: BatchSeen): void {
    this.#messages.inc({ outcome: 'recorded' }, messages - quarantined)
    this.#messages.inc({ outcome: 'quarantined' }, quarantined)
    this.#messages.inc({ outcome: 'refused' }, refused)
    this.#batch.observe(durationMs / 1_000)
    this.#lastBatch.setToCurrentTime()
  }

  collect(): Promise<void> {
    const { waiting, lagMs, isDatabaseAway } = this.#stats()
    this.#lag.set(lagMs / 1_000)
    this.#waiting.set(waiting)
    this.#database.set(isDatabaseAway ? 0 : 1)
    return Promise.resolve()
  }
}
