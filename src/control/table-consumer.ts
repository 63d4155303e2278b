import type { Backoff } from '../async/backoff.ts'
import { type Periodic, periodic } from '../lifecycle/periodic.ts'
import type { Logger } from '../logger.ts'

/** A row of monitor.control; where nothing has come, `top` alone. */
export interface TableRow {
  readonly top: string
  readonly id: string | null
  readonly exchange: string
  readonly routing_key: string
  readonly properties: string
  readonly headers: string
  readonly body: Buffer
  readonly sent_at: Date
}

interface TableConsumerParts {
  /** "exchange\nrouting key" of what it is to hear. */
  readonly routes: ReadonlySet<string>
  /** The id that it has seen last. */
  readonly last: string
  /** What came after this id, in its order. */
  readonly look: (id: string) => Promise<readonly TableRow[]>
  readonly onRow: (row: TableRow) => void
  readonly logger: Logger
}

/** A connection pooler may swallow notifications: until the first has come, looking is what finds commands in time. */
const UNHEARD_MS = 1_000
const HEARD_MS = 5_000
const AWAY_BACKOFF: Backoff = { initialMs: 200, factor: 2, maxMs: 5_000, jitter: 0.5 }

/** Reads the table when it is notified, and every few seconds besides; after an outage of the database, from where it was. */
export class TableConsumer {
  readonly #parts: TableConsumerParts
  readonly #turns: Periodic
  #last: string
  #hasHeard: boolean = false

  constructor(parts: TableConsumerParts) {
    this.#parts = parts
    this.#last = parts.last
    this.#turns = periodic((signal) => this.#look(signal), {
      name: 'looking for commands of remote control',
      everyMs: UNHEARD_MS,
      backoff: AWAY_BACKOFF,
      logger: parts.logger,
    })
  }

  async start(): Promise<void> {
    await this.#turns.start()
  }

  /** Something was sent by this route; empty: by any. */
  hear(route: string): void {
    this.#hasHeard = true
    if (route === '' || this.#parts.routes.has(route)) this.#turns.wake()
  }

  async stop(): Promise<void> {
    await this.#turns.stop()
  }

  async #look(signal: AbortSignal): Promise<number> {
    const rows = await this.#parts.look(this.#last)
    this.#last = rows[0]?.top ?? this.#last
    if (!signal.aborted) for (const row of rows) if (row.id !== null) this.#parts.onRow(row)
    return this.#hasHeard ? HEARD_MS : UNHEARD_MS
  }
}
