import type { Gauge } from 'prom-client'
import type { Broker, QueueDepth } from '../../brokers/broker.ts'
import { BrokerError } from '../../errors.ts'
import type { MetricSource, MetricsKit } from './metrics.ts'

/** How many messages wait in each queue, and how many consumers there are: the broker is asked. */
export class QueueMetrics implements MetricSource {
  readonly name = 'queues'
  readonly #broker: Pick<Broker, 'depth'>
  readonly #queues: readonly string[]
  readonly #depth: Gauge
  readonly #consumers: Gauge

  constructor(
    { prometheus, registry }: MetricsKit,
    {
      broker,
      queues,
    }: { readonly broker: Pick<Broker, 'depth'>; readonly queues: readonly string[] },
  ) {
    this.#broker = broker
    this.#queues = queues
    const common = { labelNames: ['queue'], registers: [registry] }
    this.#depth = new prometheus.Gauge({
      ...common,
      name: 'celery_toolbox_queue_messages',
      help: 'Messages that wait in a queue of the broker.',
    })
    this.#consumers = new prometheus.Gauge({
      ...common,
      name: 'celery_toolbox_queue_consumers',
      help: 'Consumers of a queue of the broker.',
    })
  }

  async collect(): Promise<void> {
    for (const queue of this.#queues) {
      const { messages, consumers } = await this.#depthOf(queue)
      this.#depth.set({ queue }, messages)
      if (consumers !== null) this.#consumers.set({ queue }, consumers)
    }
  }

  /** A queue that is not there holds nothing. */
  async #depthOf(queue: string): Promise<QueueDepth> {
    try {
      return await this.#broker.depth(queue)
    } catch (error) {
      if (error instanceof BrokerError && error.code === 'QUEUE_MISSING') {
        return { messages: 0, consumers: 0 }
      }
      throw error
    }
  }
}
