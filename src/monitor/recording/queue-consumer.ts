import { asError } from '../../as-error.ts'
import { retry } from '../../async/backoff.ts'
import type { Broker, Delivery, Subscription } from '../../brokers/broker.ts'
import type { Logger } from '../../logger.ts'
import type { Topology } from '../../protocol/routing/topology.ts'
import type { FlowControl } from './flow-control.ts'
import { PrefetchByLength } from './in-hand.ts'

interface QueueConsumerOptions {
  readonly broker: Broker
  readonly queue: string
  /** What the queue is part of, declared before it is consumed. */
  readonly topology: Topology
  /** At most. */
  readonly prefetch: number
  readonly flow: FlowControl
  readonly onDelivery: (delivery: Delivery) => void
  /** Called when it cannot be consumed; it is tried again. */
  readonly onProblem: (cause: Error) => void
  readonly logger: Logger
  /** Aborted when the monitor ends: what begins to consume later is closed, and it is not tried again. */
  readonly signal: AbortSignal
}

const CONSUME_BACKOFF = { initialMs: 200, factor: 2, maxMs: 10_000, jitter: 0.5 }

/** One queue that the monitor takes from. */
export class QueueConsumer {
  readonly #options: QueueConsumerOptions

  constructor(options: QueueConsumerOptions) {
    this.#options = options
  }

  /** Resolves once it consumes. */
  async open(): Promise<void> {
    const { broker, topology, flow, signal } = this.#options
    await broker.declare(topology)
    signal.throwIfAborted()
    const subscription = await this.#consume()
    if (signal.aborted) await subscription.close()
    else await flow.open(subscription)
  }

  #consume(): Promise<Subscription> {
    const { broker, queue, onDelivery, onProblem, logger } = this.#options
    const byLength = new PrefetchByLength(this.#options.prefetch)
    const { prefetch } = byLength
    const subscribed = broker.consume(queue, { prefetch, onProblem }, (delivery) => {
      if (byLength.note(delivery.message.body.length)) {
        subscribed
          .then((subscription) => subscription.setPrefetch(byLength.prefetch))
          .catch((error: unknown) => logger.debug({ err: error, queue }, 'prefetch not changed'))
      }
      onDelivery(delivery)
    })
    return subscribed
  }

  /** For a queue that the monitor can do without at first: resolves after one try, and tries on where that failed. */
  async openOrTryLater(): Promise<void> {
    const { queue, logger, signal, onProblem } = this.#options
    try {
      await this.open()
    } catch (cause) {
      logger.error({ err: cause, queue }, 'queue of the monitor not consumed, trying again')
      onProblem(asError(cause))
      retry(() => this.open(), { backoff: CONSUME_BACKOFF, signal }).then(
        () => logger.info({ queue }, 'queue of the monitor consumed'),
        // Only the end of the monitor ends the tries.
        (error: unknown) =>
          logger.debug({ err: error, queue }, 'stopped consuming a queue of the monitor'),
      )
    }
  }
}
