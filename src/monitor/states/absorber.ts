import type { Database } from '../../database/database.ts'
import { type Periodic, periodic } from '../../lifecycle/periodic.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import {
  type Absorbed,
  absorbRecent,
  absorbTasks,
  absorbUndated,
  absorbUnfinished,
  type Busy,
} from './absorb-results.ts'
import { markRecentResults, markResults } from './mark-results.ts'

export interface AbsorberOptions {
  readonly database: Database
  readonly logger?: Logger
  /** How often results just stored are looked for. Default a second. */
  readonly everyMs?: number
  /** How often all unfinished tasks are looked through, for results that were dated wrongly. Default a minute. */
  readonly sweepEveryMs?: number
}

/** Where our own workers say which results they have stored; see results/result-announcer.ts. */
const CHANNEL = 'celery_taskmeta'
const EVERY_MS = 1000
const SWEEP_EVERY_MS = 60_000
/** Rows may become visible, or be free to be changed, a little after their date. */
const OVERLAP_MS = 5000
const MOST_HEARD = 20_000

/**
 * Keeps the record of tasks up with celery_taskmeta, so that it outlives what Celery deletes there. Any number run side
 * by side. The view reads stored results itself, so it is right even while this is behind.
 */
export class Absorber {
  readonly #options: AbsorberOptions
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  #heard = new Set<string>()
  #lookedAtMs = 0
  #absorbed = 0
  readonly #jobs: readonly Periodic[]
  #listening: Promise<void> = Promise.resolve()

  constructor(options: AbsorberOptions) {
    const { everyMs = EVERY_MS, sweepEveryMs = SWEEP_EVERY_MS, logger = silentLogger } = options
    this.#options = options
    this.#logger = logger
    this.#jobs = [
      periodic(() => this.absorb(), { name: 'absorbing results', everyMs, logger }),
      periodic(() => this.sweep(), {
        name: 'absorbing results of all unfinished tasks',
        everyMs: sweepEveryMs,
        logger,
      }),
    ]
  }

  /** Tasks whose record has changed since the start. */
  get absorbed(): number {
    return this.#absorbed
  }

  async start(): Promise<void> {
    this.#listening = this.#listen()
    await Promise.all(this.#jobs.map((job) => job.start()))
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#listening, ...this.#jobs.map((job) => job.stop())])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** The quick way: what was announced, and what is dated since the last look. */
  async absorb(): Promise<void> {
    const { database } = this.#options
    const heard = [...this.#heard]
    this.#heard = new Set()
    if (heard.length > 0) this.#count(await absorbTasks(database, heard))
    const nowMs = performance.now()
    const sinceMs = this.#lookedAtMs === 0 ? SWEEP_EVERY_MS : nowMs - this.#lookedAtMs
    this.#count(await absorbRecent(database, sinceMs + OVERLAP_MS))
    this.#lookedAtMs = nowMs
    this.#count(await absorbUndated(database))
    await markRecentResults(database)
  }

  /** The slow way, which trusts no date. */
  async sweep(): Promise<void> {
    this.#count(await absorbUnfinished(this.#options.database))
    await markResults(this.#options.database)
  }

  #count(absorbed: Absorbed | Busy): void {
    if (absorbed === 'busy' || absorbed.changed === 0) return
    this.#absorbed += absorbed.changed
    this.#logger.debug({ ...absorbed }, 'results absorbed')
  }

  async #listen(): Promise<void> {
    const { signal } = this.#stopping
    try {
      const stop = await this.#options.database.listen(CHANNEL, (text) => this.#hear(text))
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
      await stop()
    } catch (cause) {
      this.#logger.debug({ err: cause }, 'result notifications unavailable, polling instead')
    }
  }

  /** What does not fit is found by its date. */
  #hear(text: string): void {
    if (this.#heard.size < MOST_HEARD)
      for (const taskId of text.split('\n')) this.#heard.add(taskId)
  }
}
