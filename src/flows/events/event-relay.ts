import { isDoneWithin } from '../../async/with-deadline.ts'
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
/** How long a stop waits for the turn under way, or for the last one. */
const TURN_ENDS_MS = 5_000

/** Sends the events that were stored with the transitions of flows. One that the broker has not taken stays stored. */
export class EventRelay {
  readonly #database: Database
  readonly #options: EventRelayOptions
  readonly #turns: Periodic
  /** From a turn that failed to the next one that did not. */
  #isAway = false

  constructor(database: Database, options: EventRelayOptions) {
    this.#database = database
    this.#options = options
    this.#turns = periodic(async () => await this.#turn(), {
      name: 'sending the events of flows',
      everyMs: options.everyMs ?? EVERY_MS,
      logger: options.logger ?? silentLogger,
    })
  }

  async start(): Promise<void> {
    await this.#turns.start()
  }

  /** Sends what is stored by now, unless the database or the broker was away just before. */
  async stop(): Promise<void> {
    // A turn that waits for a database which does not answer ends by itself; its rows are not removed, and are sent again.
    await this.#turns.stop({ withinMs: TURN_ENDS_MS }).catch(() => undefined)
    // Another relay, or the next, sends what is left.
    if (!this.#isAway) await isDoneWithin(TURN_ENDS_MS, this.#sendAll())
  }

  async #turn(): Promise<void> {
    this.#isAway = true
    await this.#sendAll()
    this.#isAway = false
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
