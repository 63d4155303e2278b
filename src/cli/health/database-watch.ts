import type { Connection } from '../../database/database.ts'
import { type Periodic, periodic } from '../../lifecycle/periodic.ts'

/** So long may an answer take before the database counts as away. */
const PATIENCE_MS = 5000

/** Asks the database now and then whether it is there: a monitor with nothing to write would not notice. */
export class DatabaseWatch {
  readonly #database: Connection
  readonly #turns: Periodic
  #unansweredSinceMs: number | null = null
  #hasFailed = false

  constructor(database: Connection, options: { readonly everyMs?: number } = {}) {
    this.#database = database
    const everyMs = options.everyMs ?? 1000
    this.#turns = periodic(() => this.#ask(), { name: 'asking for the database', everyMs })
  }

  start(): void {
    void this.#turns.start()
  }

  /** Waits for no answer, as none may come. */
  stop(): void {
    this.#turns.stop().catch(() => undefined)
  }

  /** For how long it is away; 0 while it answers. */
  get awayMs(): number {
    if (this.#unansweredSinceMs === null) return 0
    const ms = performance.now() - this.#unansweredSinceMs
    return this.#hasFailed || ms > PATIENCE_MS ? ms : 0
  }

  async #ask(): Promise<void> {
    this.#unansweredSinceMs ??= performance.now()
    try {
      await this.#database.query('SELECT 1')
      this.#unansweredSinceMs = null
      this.#hasFailed = false
    } catch {
      // Why is in the log of who has something to write or to read.
      this.#hasFailed = true
    }
  }
}
