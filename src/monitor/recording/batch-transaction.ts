import { type Backoff, backoffDelayMs } from '../../async/backoff.ts'
import { sleep } from '../../async/sleep.ts'
import type { Database } from '../../database/database.ts'
import type { Logger } from '../../logger.ts'
import { storableText } from '../stored/storable-text.ts'
import { writeBatch } from '../write-batch.ts'
import { type Ingested, isUnreadAltogether, withoutRows } from './ingested.ts'
import { recordFailureOf } from './record-failure.ts'

interface BatchTransactionOptions {
  readonly database: Database
  readonly logger: Logger
  /** Ends the waiting for a database that is away. */
  readonly signal: AbortSignal
  /** Called when the database is away; `onBack` when it is reachable again. */
  readonly onAway: (cause: unknown) => void
  readonly onBack: () => void
}

/** What became of a batch: `refused` are the messages that PostgreSQL takes in no form. */
export interface Recorded {
  readonly recorded: readonly Ingested[]
  readonly refused: readonly Ingested[]
}

const AWAY_BACKOFF: Backoff = { initialMs: 100, factor: 2, maxMs: 2000, jitter: 0.5 }
const CONTENDED_BACKOFF: Backoff = { initialMs: 10, factor: 2, maxMs: 1000, jitter: 1 }

/** Writes batches, and tries again through deadlocks and outages of the database; rows that it refuses are set aside. */
export class BatchTransaction {
  readonly #options: BatchTransactionOptions
  #isAway: boolean = false

  constructor(options: BatchTransactionOptions) {
    this.#options = options
  }

  /** Rejects only with the signal's reason; then nothing is known of the batch, and it must not be acked. */
  async record(batch: readonly Ingested[]): Promise<Recorded> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await writeBatch(this.#options.database, batch)
        this.#setAway(false)
        return { recorded: batch, refused: [] }
      } catch (cause) {
        if (recordFailureOf(cause) === 'row') return await this.#recordWithout(cause, batch)
        await this.#wait(cause, attempt)
      }
    }
  }

  /** One row spoils its transaction: halving finds it. */
  async #recordWithout(cause: unknown, batch: readonly Ingested[]): Promise<Recorded> {
    const [only] = batch
    if (batch.length === 1 && only !== undefined) return await this.#recordRefused(cause, only)
    const middle = Math.ceil(batch.length / 2)
    const first = await this.record(batch.slice(0, middle))
    const second = await this.record(batch.slice(middle))
    return {
      recorded: [...first.recorded, ...second.recorded],
      refused: [...first.refused, ...second.refused],
    }
  }

  /** A row that PostgreSQL refuses is kept in the quarantine, unless that is what it refuses. */
  async #recordRefused(cause: unknown, one: Ingested): Promise<Recorded> {
    const { logger } = this.#options
    if (isUnreadAltogether(one)) {
      logger.error({ err: cause }, 'the quarantine refuses a message')
      return { recorded: [], refused: [one] }
    }
    const reason = `PostgreSQL refused its row: ${storableText(errorText(cause))}`
    const problem = one.problem ?? { code: 'ROW_REFUSED', reason }
    return await this.record([withoutRows(one, problem)])
  }

  async #wait(cause: unknown, attempt: number): Promise<void> {
    const { signal } = this.#options
    if (recordFailureOf(cause) === 'contended') {
      this.#options.logger.debug(
        { err: cause, attempt },
        'conflict with another monitor, writing the batch again',
      )
      await sleep(backoffDelayMs(CONTENDED_BACKOFF, attempt), signal)
      return
    }
    this.#setAway(true, cause)
    await sleep(backoffDelayMs(AWAY_BACKOFF, attempt), signal)
  }

  #setAway(isAway: boolean, cause?: unknown): void {
    if (isAway === this.#isAway) return
    this.#isAway = isAway
    if (isAway) this.#options.onAway(cause)
    else this.#options.onBack()
  }
}

function errorText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return 'code' in cause ? `${cause.message} (${String(cause.code)})` : cause.message
}
