import type * as Prometheus from 'prom-client'
import { type Logger, silentLogger } from '../../logger.ts'

/** Something that brings metrics up to date when they are read. */
export interface MetricSource {
  readonly name: string
  collect(): Promise<void>
}

/** The driver, and the registry that metrics are made in. */
export interface MetricsKit {
  readonly prometheus: typeof Prometheus
  readonly registry: Prometheus.Registry
}

const FRESH_MS = 2_000

/** The metrics of this process, in the text format of Prometheus. */
export class Metrics {
  readonly kit: MetricsKit
  readonly #logger: Logger
  readonly #sources: MetricSource[] = []
  readonly #failures: Prometheus.Counter
  #collecting: Promise<void> = Promise.resolve()
  #collectedAt = Number.NEGATIVE_INFINITY

  private constructor(kit: MetricsKit, logger: Logger) {
    this.kit = kit
    this.#logger = logger
    this.#failures = new kit.prometheus.Counter({
      name: 'celery_toolbox_collect_failures_total',
      help: 'Times that metrics could not be brought up to date, by where they come from.',
      labelNames: ['source'],
      registers: [kit.registry],
    })
  }

  /** With those of Node itself: memory, event loop, garbage collection. */
  static async open(logger: Logger = silentLogger): Promise<Metrics> {
    const prometheus = await import('prom-client')
    const registry = new prometheus.Registry()
    prometheus.collectDefaultMetrics({ register: registry })
    return new Metrics({ prometheus, registry }, logger)
  }

  add(source: MetricSource): void {
    this.#sources.push(source)
  }

  /** Those who look at the same time, or shortly after one another, share what was collected. */
  async read(): Promise<{ readonly contentType: string; readonly text: string }> {
    if (performance.now() - this.#collectedAt > FRESH_MS) {
      this.#collectedAt = performance.now()
      this.#collecting = this.#collect()
    }
    await this.#collecting
    const { registry } = this.kit
    return { contentType: registry.contentType, text: await registry.metrics() }
  }

  /** A database that is away must not hide how the process is. */
  async #collect(): Promise<void> {
    const collected = this.#sources.map(async (source) => {
      try {
        await source.collect()
      } catch (error) {
        this.#failures.inc({ source: source.name })
        this.#logger.debug({ err: error, source: source.name }, 'metrics could not be updated')
      }
    })
    await Promise.all(collected)
  }
}
