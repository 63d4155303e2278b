import type { Counter, Gauge, Histogram } from 'prom-client'
import type { MetricsKit } from './metrics.ts'

/** Every counter of a recipe transport, as python-workflows has them. */
const COUNTERS = {
  subscriptions: 'The total number of transport subscriptions',
  broadcast_subscriptions: 'The total number of transport broadcast subscriptions',
  temporary_subscriptions: 'The total number of transport temporary subscriptions',
  ack: 'Total count of transport acknowledgements.',
  nack: 'Total count of transport negative acknowledgements.',
  send: 'Total number of messages sent',
  broadcast: 'Total number of messages broadcast',
  transaction_begin: 'Total number of transactions begun',
  transaction_abort: 'Total number of transactions aborted',
  transaction_commit: 'Total number of transactions committed',
} as const

export type TransportCounter = keyof typeof COUNTERS

/** What a recipe transport does, under the names and labels of python-workflows, so that its dashboards need no change. */
export class TransportMetrics {
  readonly #source: string
  readonly #counters: ReadonlyMap<string, Counter>
  readonly #active: Gauge
  readonly #transactions: Gauge
  readonly #seconds: Histogram

  /** `source` is the service, e.g. `zocalo.service.dispatcher:Dispatcher`. */
  constructor({ prometheus, registry }: MetricsKit, source: string) {
    this.#source = source
    const common = { labelNames: ['source'], registers: [registry] }
    this.#counters = new Map(
      Object.entries(COUNTERS).map(([name, help]) => [
        name,
        new prometheus.Counter({ ...common, name: `workflows_transport_${name}_total`, help }),
      ]),
    )
    this.#active = new prometheus.Gauge({
      ...common,
      name: 'workflows_transport_active_subscriptions',
      help: 'The total number of transport subscriptions',
    })
    this.#transactions = new prometheus.Gauge({
      ...common,
      name: 'workflows_transport_transactions_in_progress',
      help: 'Total number of transactions currently in progress',
    })
    this.#seconds = new prometheus.Histogram({
      ...common,
      name: 'workflows_callback_processing_time_seconds',
      help: 'Histogram of callback processing time (in seconds)',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
    })
  }

  count(counter: TransportCounter): void {
    this.#counters.get(counter)?.inc({ source: this.#source })
  }

  subscriptions(change: 1 | -1): void {
    this.#active.inc({ source: this.#source }, change)
  }

  transactions(change: 1 | -1): void {
    this.#transactions.inc({ source: this.#source }, change)
  }

  /** The source of a callback is its module and its own name. */
  took(callback: string, seconds: number): void {
    const [module = this.#source] = this.#source.split(':')
    this.#seconds.observe({ source: `${module}:${callback}` }, seconds)
  }
}
