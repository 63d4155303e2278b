import { HealthServer } from '../../lifecycle/health-server.ts'
import type { Logger } from '../../logger.ts'
import type { Block } from '../../streams/block/block.ts'
import type { BlockObserver } from '../../streams/block/counts.ts'
import type { StreamMetrics, StreamMetricsOptions } from '../../streams/seen/metrics.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'
import type { HealthAddress } from '../health/health-address.ts'

interface Served {
  readonly address: HealthAddress
  readonly metrics: Metrics
  readonly streams: StreamMetrics
}

/** Health and metrics of running blocks; nothing where no port was asked for. */
export class StreamHealth implements AsyncDisposable {
  readonly #served: Served | undefined
  readonly #logger: Logger
  #server: HealthServer | undefined

  static async open(
    address: HealthAddress | undefined,
    logger: Logger,
    options: StreamMetricsOptions,
  ): Promise<StreamHealth> {
    if (address === undefined) return new StreamHealth(undefined, logger)
    const { Metrics } = await import('../../telemetry/metrics/metrics.ts')
    const { StreamMetrics } = await import('../../streams/seen/metrics.ts')
    const metrics = await Metrics.open(logger)
    const streams = new StreamMetrics(metrics.kit, options)
    metrics.add(streams)
    return new StreamHealth({ address, metrics, streams }, logger)
  }

  private constructor(served: Served | undefined, logger: Logger) {
    this.#served = served
    this.#logger = logger
  }

  get observer(): BlockObserver | undefined {
    return this.#served?.streams.observer
  }

  async start(blocks: readonly Block[]): Promise<void> {
    if (this.#served === undefined) return
    const { address, metrics, streams } = this.#served
    for (const block of blocks) streams.watch(block)
    this.#server = new HealthServer({
      ...address,
      logger: this.#logger,
      metrics: () => metrics.read(),
      problems: () =>
        blocks
          .filter(({ isRunning }) => !isRunning)
          .map(({ name }) => `block "${name}" does not run`),
    })
    await this.#server.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop()
  }
}
