import { retry } from '../../async/backoff.ts'
import type { Broker, Delivery } from '../../brokers/broker.ts'
import type { Logger } from '../../logger.ts'
import type { Topology } from '../../protocol/topology.ts'
import type { Intake } from './intake.ts'

export interface FeedOptions {
  readonly broker: Broker
  readonly queue: string
  /** What the queue is part of, declared before it is consumed. */
  readonly topology: Topology
  readonly prefetch: number
  readonly intake: Intake
  readonly onDelivery: (delivery: Delivery) => void
  /** Told when the queue was deleted. */
  readonly onGone: (cause: Error) => void
  readonly logger: Logger
  /** Ends the tries to consume again. */
  readonly signal: AbortSignal
}

const CONSUME_BACKOFF = { initialMs: 200, factor: 2, maxMs: 10_000, jitter: 0.5 }

/** One queue that the monitor takes from, declared anew whenever it was deleted. */
export class Feed {
  readonly #options: FeedOptions

  constructor(options: FeedOptions) {
    this.#options = options
  }

  /** Resolves once it consumes. */
  async open(): Promise<void> {
    const { broker, queue, topology, prefetch, intake, onDelivery } = this.#options
    await broker.declare(topology)
    const onCancel = (cause: Error): void => this.#openAgain(cause)
    await intake.open(await broker.consume(queue, { prefetch, onCancel }, onDelivery))
  }

  #openAgain(cause: Error): void {
    const { queue, logger, signal, onGone } = this.#options
    onGone(cause)
    logger.error({ cause, queue }, 'a queue of the monitor is gone, declaring it again')
    retry(() => this.open(), { backoff: CONSUME_BACKOFF, signal }).catch((error: unknown) => {
      if (!signal.aborted) logger.error({ error, queue }, 'a queue of the monitor is not consumed')
    })
  }
}
