import type { Broker } from '../../brokers/broker.ts'
import { CopyingPublisher } from '../../brokers/copying-publisher.ts'
import { openBroker } from '../../brokers/open-broker.ts'
import type { Config } from '../../config/config.ts'
import { mirrorTarget } from '../../config/queues/mirror-target.ts'
import { Control } from '../../control/control.ts'
import { TaskError } from '../../errors.ts'
import { EventClient } from '../../events/event-client.ts'
import { LamportClock } from '../../events/lamport-clock.ts'
import type { Logger } from '../../logger.ts'
import { directExchange } from '../../protocol/routing/worker-direct.ts'
import { listensBeforePublish, openResultStore } from '../../results/open-result-store.ts'
import type { ResultStore } from '../../results/result-store.ts'
import { delayedTopology } from '../calls/delayed-route.ts'
import { AppMailboxes } from './app-mailboxes.ts'
import { AppVault } from './app-vault.ts'
import { brokerOptions } from './broker-options.ts'

interface ConnectionParts {
  readonly config: Config
  /** The one in use at the time. */
  readonly logger: () => Logger
  /** The id that replies to this process are sent to. */
  readonly replyTo: string
  /** Opened and closed by the caller that passes them. */
  readonly given: { readonly broker?: Broker; readonly results?: ResultStore }
}

/** All that an app is connected to, each opened when it is first needed, and closed in the order that loses nothing. */
export class AppConnections {
  readonly clock = new LamportClock()
  readonly vault: AppVault
  readonly mailboxes: AppMailboxes
  readonly #parts: ConnectionParts
  #given: ConnectionParts['given']
  #broker: Broker | undefined
  /** Where broker_read_url is another than broker_write_url. */
  #reading: Broker | undefined
  #results: Promise<ResultStore> | undefined
  #events: EventClient | undefined
  #control: Control | undefined
  #settingUp: Promise<void> | undefined
  #outgoing: CopyingPublisher | undefined
  #isSetUp = false
  #phase: 'open' | 'closing' | 'closed' = 'open'

  constructor(parts: ConnectionParts) {
    this.#parts = parts
    this.#given = parts.given
    this.vault = new AppVault(parts.config, parts.logger)
    this.mailboxes = new AppMailboxes(parts.config, parts.logger)
  }

  get isSetUp(): boolean {
    return this.#isSetUp
  }

  /** Connected at its first use. */
  broker(): Broker {
    if (this.#phase !== 'open') throw closed()
    return this.#sending()
  }

  /** The same for what is still sent while the app closes. */
  #sending(): Broker {
    if (this.#phase === 'closed') throw closed()
    const given = this.#given
    const { config, logger } = this.#parts
    this.#broker ??=
      given.broker ?? openBroker(brokerOptions(config, logger(), config.brokerWriteUrls))
    return this.#broker
  }

  /** The broker that is consumed from, connected at its first use: another one only with broker_read_url. */
  readingBroker(): Broker {
    if (this.#phase !== 'open') throw closed()
    return this.#receiving()
  }

  #receiving(): Broker {
    const broker = this.#sending()
    const given = this.#given
    const { config, logger } = this.#parts
    const urls = config.brokerReadUrls
    if (given.broker !== undefined || urls.join(';') === config.brokerWriteUrls.join(';')) {
      return broker
    }
    if (this.#reading === undefined) {
      this.#reading = openBroker(brokerOptions(config, logger(), urls))
      // Nothing is declared on it yet.
      this.#isSetUp = false
      this.#settingUp = undefined
    }
    return this.#reading
  }

  /** The broker, once everything is declared on it: a producer needs no other, a consumer has opened its own before. */
  async readyBroker(): Promise<Broker> {
    if (!this.#isSetUp) await this.#setUpOpened()
    return this.broker()
  }

  /** What task messages are published by, once results that come as messages have somewhere to arrive. */
  async outgoing(): Promise<CopyingPublisher> {
    const broker = await this.readyBroker()
    if (listensBeforePublish(this.#parts.config)) {
      await (await this.results()).beforePublish?.()
    }
    const { config, logger } = this.#parts
    this.#outgoing ??= new CopyingPublisher({
      broker,
      mirror: mirrorTarget(config),
      logger: logger(),
    })
    return this.#outgoing
  }

  get openedPublisher(): CopyingPublisher | undefined {
    return this.#phase === 'open' ? this.#outgoing : undefined
  }

  /** Declares exchange, queues and bindings, once, on what is written to and what is read from. */
  async setUp(): Promise<void> {
    this.#receiving()
    await this.#setUpOpened()
  }

  async #setUpOpened(): Promise<void> {
    this.#settingUp ??= this.#declare()
    try {
      await this.#settingUp
    } catch (error) {
      this.#settingUp = undefined
      throw error
    }
  }

  async results(): Promise<ResultStore> {
    const given = this.#given
    const { config, logger, replyTo } = this.#parts
    this.#results ??=
      given.results === undefined
        ? openResultStore(config, {
            logger: logger(),
            broker: async () => await this.readyBroker(),
            replyTo,
          })
        : Promise.resolve(given.results)
    try {
      return await this.#results
    } catch (error) {
      this.#results = undefined
      throw error
    }
  }

  get control(): Control {
    this.#control ??= new Control({
      settings: this.#parts.config,
      carrier: async () => await this.mailboxes.carrier(await this.readyBroker()),
      clock: this.clock,
      logger: this.#parts.logger(),
    })
    return this.#control
  }

  get events(): EventClient {
    this.#events ??= new EventClient({
      // While the app closes, what waits is still sent.
      broker: async () => {
        if (!this.#isSetUp) await this.#setUpOpened()
        return this.#sending()
      },
      settings: this.#parts.config,
      clock: this.clock,
      logger: this.#parts.logger(),
    })
    return this.#events
  }

  /** Closes what was opened here, and uses these from now on. */
  async replace(given: ConnectionParts['given']): Promise<void> {
    if (this.#phase !== 'open') throw closed()
    await this.#closeOpened()
    this.#phase = 'open'
    this.#given = given
    this.#broker = undefined
    this.#reading = undefined
    this.#results = undefined
    this.#events = undefined
    this.#control = undefined
    this.#outgoing = undefined
    this.#settingUp = undefined
    this.#isSetUp = false
  }

  /** Closes what was opened here. */
  async close(): Promise<void> {
    if (this.#phase !== 'open') return
    await this.#closeOpened()
    await Promise.all([this.vault.close(), this.mailboxes.close()])
  }

  async #closeOpened(): Promise<void> {
    this.#phase = 'closing'
    const given = this.#given
    await this.#control?.close()
    await this.#events?.close()
    this.#phase = 'closed'
    // Results first: those of rpc:// travel over the broker.
    if (given.results === undefined) await (await this.#results)?.close()
    if (given.broker === undefined) await this.#broker?.close()
    await this.#reading?.close()
  }

  async #declare(): Promise<void> {
    const { config } = this.#parts
    config.warnOfIneffective()
    const delayed = delayedTopology(config)
    const reading = this.#reading
    for (const broker of [this.#sending(), ...(reading === undefined ? [] : [reading])]) {
      await broker.declare(config.topology())
      if (delayed !== null) await broker.declare(delayed)
      if (config.worker_direct) await broker.declare(directExchange)
    }
    this.#isSetUp = this.#reading === reading
  }
}

function closed(): TaskError {
  return new TaskError('APP_CLOSED', 'the app was used after close()')
}
