import { startTimer, type Timer } from '../../async/timer.ts'
import type { Config } from '../../config/config.ts'
import { retentionMs } from '../../config/retention.ts'
import type { Database } from '../../database/database.ts'
import type { Logger } from '../../logger.ts'
import { pruneHistory, type Retention } from './prune-history.ts'

/** The settings that say how long what is kept, and how often that is looked at. */
export type RetentionSettings = Partial<Pick<Config, 'RETENTION' | 'PRUNE_EVERY'>>

export interface PruneTimerOptions {
  readonly logger: Logger
  /** Instead of PRUNE_EVERY. */
  readonly everyMs?: number | undefined
}

/** The first look is soon after the start, as monitors may be restarted more often than they look. */
const FIRST_AFTER_MS = 60_000

/** Prunes now and then, while the monitor runs. Of many monitors one does it at a time. */
export class PruneTimer {
  readonly #database: Database
  readonly #retention: Retention
  readonly #everyMs: number
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  #timer: Timer | undefined
  #pruning: Promise<void> = Promise.resolve()

  constructor(database: Database, settings: RetentionSettings, options: PruneTimerOptions) {
    this.#database = database
    this.#retention = retentionOf(settings.RETENTION ?? {})
    this.#everyMs = options.everyMs ?? (settings.PRUNE_EVERY ?? 3_600) * 1_000
    this.#logger = options.logger
  }

  start(): void {
    const isWanted = Object.values(this.#retention).some((keep) => keep !== undefined)
    if (isWanted && this.#everyMs > 0) this.#plan(Math.min(this.#everyMs, FIRST_AFTER_MS))
  }

  /** What is being deleted is cut short, between two batches. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#timer?.clear()
    await this.#pruning
  }

  #plan(delayMs: number): void {
    this.#timer = startTimer(delayMs, () => {
      this.#pruning = this.#prune()
    }).unref()
  }

  async #prune(): Promise<void> {
    const { signal } = this.#stopping
    try {
      const pruned = await pruneHistory(this.#database, { ...this.#retention, signal })
      if (!pruned.isBusy) this.#logger.info({ pruned }, 'old history pruned')
    } catch (cause) {
      if (!signal.aborted)
        this.#logger.warn({ cause }, 'old history not pruned, trying again later')
    }
    if (!signal.aborted) this.#plan(this.#everyMs)
  }
}

export function retentionOf(spans: NonNullable<RetentionSettings['RETENTION']>): Retention {
  return {
    tasksMs: retentionMs(spans.tasks),
    failuresMs: retentionMs(spans.failures),
    unfinishedMs: retentionMs(spans.unfinished),
    messagesMs: retentionMs(spans.messages),
    eventsMs: retentionMs(spans.events),
    quarantineMs: retentionMs(spans.quarantine),
  }
}
