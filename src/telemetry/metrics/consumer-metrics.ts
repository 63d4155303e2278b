import type { Gauge } from 'prom-client'
import type { Broker } from '../../brokers/broker.ts'
import type { MetricSource, MetricsKit } from './metrics.ts'

/** Whether this process consumes the queues that it should. */
export class ConsumerMetrics implements MetricSource {
  readonly name = 'consumers'
  readonly #brokers: readonly Pick<Broker, 'problems'>[]
  readonly #missing: Gauge

  constructor({ prometheus, registry }: MetricsKit, brokers: readonly Pick<Broker, 'problems'>[]) {
    this.#brokers = brokers
    this.#missing = new prometheus.Gauge({
      name: 'celery_toolbox_queues_not_consumed',
      help: 'Queues that this process should consume and cannot; it keeps trying.',
      registers: [registry],
    })
  }

  async collect(): Promise<void> {
    this.#missing.set(this.#brokers.flatMap(({ problems }) => problems).length)
  }
}
