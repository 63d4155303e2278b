import { sleep } from '../../async/sleep.ts'
import type { Connection } from '../../database/database.ts'

/** So long may an answer take before the database counts as away. */
const PATIENCE_MS = 5000

/** Asks the database now and then whether it is there: a monitor with nothing to write would not notice. */
export class DatabaseWatch {
  readonly #database: Connection
  readonly #everyMs: number
  readonly #stopping = new AbortController()
  #unansweredSinceMs: number | null = null
  #hasFailed = false

  constructor(database: Connection, options: { readonly everyMs?: number } = {}) {
    this.#database = database
    this.#everyMs = options.everyMs ?? 1000
  }

  start(): void {
    void this.#watch()
  }

  /** Waits for no answer, as none may come. */
  stop(): void {
    this.#stopping.abort()
  }

  /** For how long it is away; 0 while it answers. */
  get awayMs(): number {
    if (this.#unansweredSinceMs === null) return 0
    const ms = performance.now() - this.#unansweredSinceMs
    return this.#hasFailed || ms > PATIENCE_MS ? ms : 0
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#ask()
      await sleep(this.#everyMs, signal).catch(() => undefined)
    }
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
