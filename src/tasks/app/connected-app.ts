import { randomUUID } from 'node:crypto'
import type { Broker } from '../../brokers/broker.ts'
import type { CopyingPublisher } from '../../brokers/copying-publisher.ts'
import type { Config } from '../../config/config.ts'
import type { Control } from '../../control/control.ts'
import type { EventClient } from '../../events/event-client.ts'
import type { LamportClock } from '../../events/lamport-clock.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { ResultStore } from '../../results/result-store.ts'
import type { Vault } from '../../schedule/vault.ts'
import { AppConnections } from './app-connections.ts'
import type { AppMailboxes } from './app-mailboxes.ts'
import type { AppVault } from './app-vault.ts'

/** What an app may be given instead of opening it itself. */
export interface AppOptions {
  readonly logger?: Logger
  /** Closed by the code that opened it. */
  readonly broker?: Broker
  /** Closed by the code that opened it. */
  readonly results?: ResultStore
}

/** What an app is connected to: the broker, the result backend, the workers' mailboxes. Connected at first use. */
export abstract class ConnectedApp implements AsyncDisposable {
  readonly config: Config
  /** As in Python, the queue that replies to this process would go to. */
  readonly replyTo: string = randomUUID()
  readonly #connections: AppConnections
  readonly #hasOwnLogger: boolean
  #logger: Logger

  constructor(config: Config, options: AppOptions = {}) {
    this.config = config
    this.#hasOwnLogger = options.logger !== undefined
    this.#logger = options.logger ?? silentLogger
    this.#connections = new AppConnections({
      config,
      logger: () => this.logger,
      replyTo: this.replyTo,
      given: options,
    })
  }

  get logger(): Logger {
    return this.#logger
  }

  /** Logs to this one, unless the app was given a logger of its own; before anything is opened. */
  useLogger(logger: Logger): void {
    if (!this.#hasOwnLogger) this.#logger = logger
  }

  /** Whether exchange, queues and bindings have been declared. */
  get isSetUp(): boolean {
    return this.#connections.isSetUp
  }

  /** Commands to running workers: ping, revoke, limits. */
  get control(): Control {
    return this.#connections.control
  }

  /** Events of your own, for all receivers: `app.events.send('invoice-paid', { id: 3 })`. */
  get events(): EventClient {
    return this.#connections.events
  }

  /** What commands to workers travel by. */
  get mailboxes(): AppMailboxes {
    return this.#connections.mailboxes
  }

  /** Orders what this process sends and hears of workers. */
  get clock(): LamportClock {
    return this.#connections.clock
  }

  /** Where calls wait for their eta, if ETA_VAULT says so. */
  get waiting(): AppVault {
    return this.#connections.vault
  }

  /** What waits for its eta, to be looked at, cancelled and changed; undefined where ETA_VAULT is off. */
  async vault(): Promise<Vault | undefined> {
    return await this.#connections.vault.open()
  }

  /** The broker, connected at its first use. */
  broker(): Broker {
    return this.#connections.broker()
  }

  /** The broker that workers and monitors consume from: another one only with broker_read_url. */
  readingBroker(): Broker {
    return this.#connections.readingBroker()
  }

  /** The broker, once everything is declared on it. */
  async readyBroker(): Promise<Broker> {
    return await this.#connections.readyBroker()
  }

  /** Publishes task messages: what the platform queue would not get by itself, it gets a copy of. */
  async outgoing(): Promise<CopyingPublisher> {
    return await this.#connections.outgoing()
  }

  /** The same, where it is open already. */
  get openedPublisher(): CopyingPublisher | undefined {
    return this.#connections.openedPublisher
  }

  async results(): Promise<ResultStore> {
    return await this.#connections.results()
  }

  /** For tests: closes what is open, then uses these instead; without any it connects by its config again. */
  async useConnections(given: Pick<AppOptions, 'broker' | 'results'>): Promise<void> {
    await this.#connections.replace(given)
  }

  /** Declares exchange, queues and bindings, once. */
  async setUp(): Promise<void> {
    await this.#connections.setUp()
  }

  /** Closes what this app opened. */
  async close(): Promise<void> {
    await this.#connections.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
