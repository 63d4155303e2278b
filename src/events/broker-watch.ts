import { deferred } from '../async/deferred.ts'
import type { Broker } from '../brokers/broker.ts'

/**
 * Whether the connection of the broker that carries events is there. A broker that carries none (Amazon SQS) is not watched: it
 * has no connection, and learns only from the next request that it is reachable again.
 */
export class BrokerWatch {
  #broker: Broker | undefined
  #isLost: boolean = false
  #loss = deferred()
  readonly #onLost = (): void => {
    this.#isLost = true
    this.#loss.resolve()
  }
  readonly #onRestored: () => void

  constructor(onRestored: () => void) {
    this.#onRestored = (): void => {
      this.#isLost = false
      this.#loss = deferred()
      onRestored()
    }
  }

  get isLost(): boolean {
    return this.#isLost
  }

  /** Resolves once the connection is lost; at once where it is. */
  get lost(): Promise<void> {
    return this.#loss.promise
  }

  watch(broker: Broker): void {
    if (broker === this.#broker || !broker.carriesEvents) return
    this.close()
    this.#broker = broker
    broker.on('lost', this.#onLost)
    broker.on('restored', this.#onRestored)
  }

  close(): void {
    this.#broker?.off('lost', this.#onLost)
    this.#broker?.off('restored', this.#onRestored)
  }
}
