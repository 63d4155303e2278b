import type { MetricsKit } from '../../telemetry/metrics/metrics.ts'
import type { Block } from '../block/block.ts'
import type { BlockObserver } from '../block/counts.ts'

export interface StreamMetricsOptions {
  /** Also under arroyopy's own names. Default false. */
  readonly arroyo?: boolean
}

const OURS = 'celery_toolbox_'
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const WINDOW_MS = 1_000

/** Prometheus metrics of blocks: give `observer` to each block, and add this to the registry's sources. */
export class StreamMetrics {
  readonly name = 'streams'
  readonly observer: BlockObserver
  readonly #blocks = new Set<Block>()
  readonly #collectors: (() => void)[]

  constructor({ prometheus, registry }: MetricsKit, { arroyo = false }: StreamMetricsOptions = {}) {
    const registers = [registry]
    const sets = [OURS, ...(arroyo ? ['arroyopy_'] : [])].map((prefix) =>
      arroyoSet(prometheus, prefix, registers),
    )
    const dropped = new prometheus.Counter({
      name: `${OURS}stream_dropped_total`,
      help: 'Messages dropped, by the full queue.',
      labelNames: ['place'],
      registers,
    })
    const failed = new prometheus.Counter({
      name: `${OURS}stream_failed_total`,
      help: 'Messages that failed.',
      registers,
    })
    const published = new prometheus.Counter({
      name: `${OURS}stream_published_total`,
      help: 'Results published, by publisher.',
      labelNames: ['publisher'],
      registers,
    })
    const queue = new prometheus.Gauge({
      name: `${OURS}stream_queue_messages`,
      help: 'Messages that wait, by block.',
      labelNames: ['block'],
      registers,
    })
    const bytes = new prometheus.Gauge({
      name: `${OURS}stream_queue_bytes`,
      help: 'Bytes that wait, by block.',
      labelNames: ['block'],
      registers,
    })
    const lag = new prometheus.Gauge({
      name: `${OURS}stream_lag_seconds`,
      help: 'How long the oldest message has waited for the operator, by block.',
      labelNames: ['block'],
      registers,
    })
    this.observer = {
      onReceived: (listener) => {
        for (const set of sets) set.received(listener)
      },
      onProcessed: (operator, ms) => {
        for (const set of sets) set.processed(operator, ms / 1_000)
      },
      onPublished: (publisher) => published.inc({ publisher: kindOf(publisher) }),
      onDropped: (place) => dropped.inc({ place: kindOf(place) }),
      onFailed: () => failed.inc(),
    }
    this.#collectors = [
      ...sets.map((set) => set.collect),
      () => {
        for (const { name, stats } of this.#blocks) {
          queue.set({ block: name }, stats.queue.messages)
          bytes.set({ block: name }, stats.queue.bytes)
          lag.set({ block: name }, stats.queue.lagMs / 1_000)
        }
      },
    ]
  }

  /** Shows the fill of its queue. */
  watch(block: Block): void {
    this.#blocks.add(block)
  }

  async collect(): Promise<void> {
    for (const collect of this.#collectors) collect()
  }
}

type Prometheus = MetricsKit['prometheus']

interface ArroyoSet {
  received(listener: string): void
  processed(operator: string, seconds: number): void
  readonly collect: () => void
}

/** The four metrics of arroyopy, under a prefix. */
function arroyoSet(
  prometheus: Prometheus,
  prefix: string,
  registers: MetricsKit['registry'][],
): ArroyoSet {
  const received = new prometheus.Counter({
    name: `${prefix}messages_received_total`,
    help: 'Messages taken, by kind of listener.',
    labelNames: ['listener_type'],
    registers,
  })
  const rate = new prometheus.Gauge({
    name: `${prefix}messages_per_second`,
    help: 'Messages a second since the last look.',
    labelNames: ['listener_type'],
    registers,
  })
  const seconds = new prometheus.Histogram({
    name: `${prefix}processing_seconds`,
    help: 'Time of the operator for a message.',
    labelNames: ['operator_type'],
    buckets: BUCKETS,
    registers,
  })
  const mean = new prometheus.Gauge({
    name: `${prefix}avg_processing_seconds`,
    help: 'Mean of it since the start.',
    labelNames: ['operator_type'],
    registers,
  })
  const counts = new Map<string, number>()
  const means = new Map<string, { sum: number; count: number }>()
  let since = performance.now()
  return {
    received: (listener) => {
      const kind = kindOf(listener)
      received.inc({ listener_type: kind })
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
    },
    processed: (operator, took) => {
      seconds.observe({ operator_type: operator }, took)
      const known = means.get(operator) ?? { sum: 0, count: 0 }
      means.set(operator, { sum: known.sum + took, count: known.count + 1 })
    },
    collect: () => {
      for (const [operator, { sum, count }] of means)
        mean.set({ operator_type: operator }, sum / count)
      const ms = performance.now() - since
      if (ms < WINDOW_MS) return
      since = performance.now()
      for (const [kind, count] of counts) {
        rate.set({ listener_type: kind }, (count * 1_000) / ms)
        counts.set(kind, 0)
      }
    },
  }
}

/** "zmq SUB tcp://…" is a "zmq SUB": addresses are no labels. */
function kindOf(name: string): string {
  const [link = name, kind] = name.split(' ')
  return link === 'zmq' && kind !== undefined ? `${link} ${kind}` : link
}
