import type { Database } from '../database/database.ts'
import type { Logger } from '../logger.ts'

const DAYS_AHEAD = 7
const CHECK_EVERY_MS = 6 * 3_600_000

/** Sees to it that messages and events have a partition for each of the days to come. */
export class Partitions {
  readonly #database: Database
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #making: Promise<void> = Promise.resolve()

  constructor(database: Database, logger: Logger) {
    this.#database = database
    this.#logger = logger
  }

  async start(): Promise<void> {
    await this.#make()
    this.#timer = setInterval(() => {
      this.#making = this.#make()
    }, CHECK_EVERY_MS)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#making
  }

  /** Without them the default partition takes everything, so a failure is no reason to stop. */
  async #make(): Promise<void> {
    try {
      for (const table of ['message', 'event']) {
        await this.#database.query('SELECT monitor.ensure_partitions($1, $2)', [table, DAYS_AHEAD])
      }
    } catch (cause) {
      this.#logger.warn({ cause }, 'partitions for the next days not made, trying again later')
    }
  }
}
