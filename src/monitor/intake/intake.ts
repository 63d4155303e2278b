import type { Subscription } from '../../brokers/broker.ts'
import type { Logger } from '../../logger.ts'

/** Why nothing more is taken from the queue for now. */
export type HoldReason = 'database' | 'memory' | 'stopping'

/** Stops and starts the flow of deliveries; it flows while there is no reason to hold it. */
export class Intake {
  readonly #logger: Logger
  readonly #reasons = new Set<HoldReason>()
  #subscription: Subscription | undefined
  #isPaused: boolean = false
  #change: Promise<void> = Promise.resolve()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get isHeld(): boolean {
    return this.#reasons.size > 0
  }

  /** A consumer that was cancelled is followed by another. */
  async open(subscription: Subscription): Promise<void> {
    this.#subscription = subscription
    this.#isPaused = false
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
    await this.#subscription?.close()
  }

  /** Changes happen one after the other, each towards what is wanted by then. */
  #adjust(): Promise<void> {
    this.#change = this.#change.then(async () => {
      const subscription = this.#subscription
      if (subscription === undefined || this.isHeld === this.#isPaused) return
      try {
        this.#isPaused = this.isHeld
        await (this.#isPaused ? subscription.pause() : subscription.resume())
      } catch (cause) {
        // The connection is gone: when it is back, the broker looks at what was asked of it last.
        this.#logger.debug({ cause, isPaused: this.#isPaused }, 'consumer not changed at once')
      }
    })
    return this.#change
  }
}
