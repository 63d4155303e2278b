import type { Broker } from '../../brokers/broker.ts'
import type { Connection } from '../../database/database.ts'

/** What is needed of a broker; those without a connection (Amazon SQS) lose no events with it. */
export type GapBroker = Partial<Pick<Broker, 'on' | 'off' | 'carriesEvents'>>

/**
 * Whether events of Python workers may be missing from the record. They are not persistent: RabbitMQ deletes those that
 * wait for the monitor when it restarts, which the monitor sees as a lost connection, or not at all while it is down itself.
 */
export class EventGap {
  readonly #broker: GapBroker
  #isOpen: boolean | 'unknown' = 'unknown'
  #openedAt = performance.now()
  readonly #onLost = (): void => {
    this.#isOpen = true
    this.#openedAt = performance.now()
  }

  constructor(broker: GapBroker) {
    this.#broker = broker
    if (broker.carriesEvents === false) this.#isOpen = false
    else broker.on?.('lost', this.#onLost)
  }

  /** At the start: only where there is a record that an earlier monitor has kept. */
  async isOpen(database: Connection): Promise<boolean> {
    if (this.#isOpen === 'unknown') {
      const [row] = await database.query<{ known: boolean }>(KNOWS_QUEUES)
      this.#isOpen = row?.known === true
    }
    return this.#isOpen
  }

  /** The record keeps up: after so long, what was sent before the gap is recorded, and what comes then is whole. */
  closeAfter(ms: number): void {
    if (performance.now() - this.#openedAt >= ms) this.#isOpen = false
  }

  stop(): void {
    this.#broker.off?.('lost', this.#onLost)
  }
}

const KNOWS_QUEUES = 'SELECT EXISTS (SELECT FROM monitor.queue) AS known'
