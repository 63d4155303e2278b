import type { Broker } from '../../brokers/broker.ts'
import type { Config } from '../../config/config.ts'
import type { ControlCarrier } from '../../control/control-carrier.ts'
import { controlDatabaseUrl, controlTableIn } from '../../control/control-database.ts'
import type { ControlTable } from '../../control/control-table.ts'
import type { Database } from '../../database/database.ts'
import { openDatabase } from '../../database/open-database.ts'
import { TaskError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'

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

  /** The database of it; undefined where none is set. */
  async database(): Promise<Database | undefined> {
    const url = controlDatabaseUrl(this.#config)
    if (url === undefined) return undefined
    this.#database ??= openDatabase({ url, poolSize: 2, logger: this.#logger() })
    try {
      return await this.#database
    } catch (error) {
      this.#database = undefined
      throw error
    }
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
    const database = await this.database()
    if (database === undefined) {
      throw new TaskError(
        'CONTROL_UNAVAILABLE',
        `${broker.safeUrl} carries no remote control: set result_backend, or CONTROL_DATABASE, to a PostgreSQL`,
      )
    }
    return controlTableIn(database, this.#config, this.#logger())
  }
}
