import type { Broker } from '../brokers/broker.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { openDatabase } from '../database/open-database.ts'
import { TaskError } from '../errors.ts'
import type { ControlCarrier } from '../events/control-carrier.ts'
import { controlDatabaseUrl, controlTableIn } from '../events/control-database.ts'
import type { ControlTable } from '../events/control-table.ts'
import type { Logger } from '../logger.ts'

/** What an app's remote control travels by: its broker, or a table where that has no mailboxes. */
export class AppMailboxes {
  readonly #config: Config
  readonly #logger: () => Logger
  #database: Promise<Database> | undefined
  #table: Promise<ControlTable> | undefined

  constructor(config: Config, logger: () => Logger) {
    this.#config = config
    this.#logger = logger
  }

  /** Whether there is anything that commands could travel by. */
  isThere({ features }: Broker): boolean {
    return features.mailboxes || controlDatabaseUrl(this.#config) !== undefined
  }

  async carrier(broker: Broker): Promise<ControlCarrier> {
    if (broker.features.mailboxes) return broker
    this.#table ??= this.#open(broker)
    try {
      return await this.#table
    } catch (error) {
      this.#table = undefined
      throw error
    }
  }

  async close(): Promise<void> {
    await (await this.#database?.catch(() => undefined))?.close()
  }

  async #open(broker: Broker): Promise<ControlTable> {
    const url = controlDatabaseUrl(this.#config)
    if (url === undefined) {
      throw new TaskError(
        'CONTROL_UNAVAILABLE',
        `${broker.safeUrl} carries no remote control: set result_backend, or CONTROL_DATABASE, to a PostgreSQL`,
      )
    }
    const logger = this.#logger()
    this.#database = openDatabase({ url, poolSize: 2, logger })
    return controlTableIn(await this.#database, this.#config, logger)
  }
}
