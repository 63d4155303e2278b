import { type Backoff, backoffDelayMs } from '../async/backoff.ts'
import { deferred } from '../async/deferred.ts'
import { startTimer } from '../async/timer.ts'
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
  #last: string
  #wake = deferred()
  #running: Promise<void> = Promise.resolve()
  #hasHeard: boolean = false
  #isStopped: boolean = false

  constructor(parts: TableConsumerParts) {
    this.#parts = parts
    this.#last = parts.last
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Something was sent by this route; empty: by any. */
  hear(route: string): void {
    this.#hasHeard = true
    if (route === '' || this.#parts.routes.has(route)) this.#wake.resolve()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#wake.resolve()
    await this.#running
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#isStopped) {
      this.#wake = deferred()
      try {
        await this.#look()
        failures = 0
        await this.#pause(this.#hasHeard ? HEARD_MS : UNHEARD_MS)
      } catch (error) {
        failures += 1
        if (failures === 1) {
          this.#parts.logger.warn({ err: error }, 'no remote control for now, trying again')
        }
        await this.#pause(backoffDelayMs(AWAY_BACKOFF, failures))
      }
    }
  }

  async #look(): Promise<void> {
    const rows = await this.#parts.look(this.#last)
    this.#last = rows[0]?.top ?? this.#last
    if (this.#isStopped) return
    for (const row of rows) if (row.id !== null) this.#parts.onRow(row)
  }

  /** For so long, or until something is heard. */
  async #pause(ms: number): Promise<void> {
    const wake = this.#wake
    const timer = startTimer(ms, () => wake.resolve()).unref()
    await wake.promise
    timer.clear()
  }
}
