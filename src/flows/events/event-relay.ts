import type { Database } from '../../database/database.ts'
import { type Periodic, periodic } from '../../lifecycle/periodic.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { App } from '../../tasks/app/app.ts'

interface EventRelayOptions {
  /** Its broker carries them. */
  readonly app: Pick<App, 'events'>
  readonly logger?: Logger
  /** How often it looks for events. Default 500 ms. */
  readonly everyMs?: number
}

const EVERY_MS = 500
const MOST_AT_ONCE = 500

/** Sends the events that were stored with the transitions of flows. One that the broker has not taken stays stored. */
export class EventRelay {
  readonly #database: Database
  readonly #options: EventRelayOptions
  readonly #turns: Periodic

  constructor(database: Database, options: EventRelayOptions) {
    this.#database = database
    this.#options = options
    this.#turns = periodic(async () => await this.#sendAll(), {
      name: 'sending the events of flows',
      everyMs: options.everyMs ?? EVERY_MS,
      logger: options.logger ?? silentLogger,
    })
  }

  async start(): Promise<void> {
    await this.#turns.start()
  }

  /** Sends what is stored by now. */
  async stop(): Promise<void> {
    await this.#turns.stop()
    await this.#sendAll().catch(() => undefined) // another relay, or the next, sends it
  }

  async #sendAll(): Promise<void> {
    while ((await this.#sendSome()) === MOST_AT_ONCE) {
      // There may be more.
    }
  }

  /** Rows stay locked until the broker has them, so that of several relays one sends each. */
  async #sendSome(): Promise<number> {
    return await this.#database.transaction(async (connection) => {
      const rows = await connection.query<OutboxRow>(TAKE, [MOST_AT_ONCE])
      if (rows.length === 0) return 0
      await this.#options.app.events.deliver(
        rows.map(({ type, fields }) => ({ type, fields: JSON.parse(fields) })),
      )
      await connection.query(REMOVE, [rows.map(({ id }) => id)])
      return rows.length
    })
  }
}

interface OutboxRow {
  readonly id: string
  readonly type: string
  readonly fields: string
}

const TAKE = `
  SELECT id::text, type, fields::text FROM flows.outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED`

const REMOVE = 'DELETE FROM flows.outbox WHERE id = ANY ($1::bigint[])'
