import type { Subscription } from '../../brokers/broker.ts'
import type { Logger } from '../../logger.ts'

/** Why nothing more is taken from the queues for now. */
type HoldReason = 'database' | 'memory' | 'dead-letter' | 'stopping'

/** Stops and starts the flow of deliveries, of all queues at once; it flows while there is no reason to hold it. */
export class FlowControl {
  readonly #logger: Logger
  readonly #reasons = new Set<HoldReason>()
  /** By queue: a consumer that was cancelled is followed by another. */
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #paused = new WeakSet<Subscription>()
  #change: Promise<void> = Promise.resolve()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get isHeld(): boolean {
    return this.#reasons.size > 0
  }

  async open(subscription: Subscription): Promise<void> {
    this.#subscriptions.set(subscription.queue, subscription)
    await this.#adjust()
  }

  async hold(reason: HoldReason): Promise<void> {
    this.#reasons.add(reason)
    await this.#adjust()
  }

  async release(reason: HoldReason): Promise<void> {
    if (this.#reasons.delete(reason)) await this.#adjust()
  }

  async close(): Promise<void> {
    await this.#change
    await Promise.all([...this.#subscriptions.values()].map((one) => one.close()))
  }

  /** Changes happen one after the other, each towards what is wanted by then. */
  #adjust(): Promise<void> {
    this.#change = this.#change.then(async () => {
      await Promise.all([...this.#subscriptions.values()].map((one) => this.#adjustOne(one)))
    })
    return this.#change
  }

  async #adjustOne(subscription: Subscription): Promise<void> {
    const isPaused = this.isHeld
    if (isPaused === this.#paused.has(subscription)) return
    try {
      if (isPaused) this.#paused.add(subscription)
      else this.#paused.delete(subscription)
      await (isPaused ? subscription.pause() : subscription.resume())
    } catch (cause) {
      // The connection is gone: when it is back, the broker looks at what was asked of it last.
      this.#logger.debug({ err: cause, isPaused }, 'consumer could not be paused or resumed')
    }
  }
}
