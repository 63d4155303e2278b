import { deferred } from '../../async/deferred.ts'
import type { Logger } from '../../logger.ts'
import type { BatchReport, MonitorCounters } from '../monitor-stats.ts'
import { Backlog, type BatchLimits } from './backlog.ts'
import type { BatchTransaction, Recorded } from './batch-transaction.ts'
import type { InHand } from './in-hand.ts'
import type { Ingested } from './ingested.ts'

interface BatcherOptions {
  readonly limits: BatchLimits
  readonly transaction: Pick<BatchTransaction, 'record'>
  readonly inHand: InHand
  readonly counters: MonitorCounters
  readonly logger: Logger
  /** Nothing more is written once it is aborted. */
  readonly signal: AbortSignal
  /** Acks what is committed. */
  readonly settle: (outcome: Recorded) => Promise<void>
  readonly onBatch?: ((batch: BatchReport) => void) | undefined
}

/** So that PostgreSQL has work while one waits for its commit, and others for rows that are being read. */
export const MOST_WRITERS = 4
/** Makes batches of what comes: each holds what has come while the one before was written. */
export class Batcher {
  readonly backlog = new Backlog()
  readonly #options: BatcherOptions
  /** Transactions in progress. */
  readonly #writing = new Set<Promise<void>>()
  /** Resolves once the batch that was taken last is settled, or has failed. */
  #settled: Promise<void> = Promise.resolve()

  constructor(options: BatcherOptions) {
    this.#options = options
  }

  add(one: Ingested): void {
    this.backlog.add(one)
    if (!this.#isWorthWriting(this.#writing.size)) return
    const writing = this.#write(() => this.#writing.delete(writing))
    this.#writing.add(writing)
  }

  /** Resolves once everything is written, or nothing more will be. */
  async drained(): Promise<void> {
    while (this.#writing.size > 0) await Promise.all(this.#writing)
  }

  /** While one transaction commits another writes, but only a full batch: many small ones cost more. */
  #isWorthWriting(others: number): boolean {
    if (others === 0) return this.backlog.size > 0
    return others < MOST_WRITERS && this.backlog.size >= this.#options.limits.messages
  }

  async #write(onEnd: () => void): Promise<void> {
    // What arrives in the same turn of the event loop goes along.
    await nextTurn()
    const { limits, signal } = this.#options
    while (this.#isWorthWriting(this.#writing.size - 1) && !signal.aborted) {
      await this.#writeBatch(this.backlog.take(limits))
    }
    // In the same step as the last look at the backlog, so that nothing is added unseen.
    onEnd()
  }

  async #writeBatch(batch: readonly Ingested[]): Promise<void> {
    const { transaction, inHand, settle, counters, logger, signal, onBatch } = this.#options
    const startedAt = performance.now()
    const earlier = this.#settled
    const { promise, resolve: onSettled } = deferred()
    this.#settled = promise
    try {
      const outcome = await transaction.record(batch)
      // In order: one ack then settles all that came before, where otherwise each would need its own.
      await earlier
      // First, as an ack makes room for the next delivery at once.
      inHand.give(batch.map(({ delivery }) => delivery))
      await settle(outcome)
      const report = counters.count(outcome, performance.now() - startedAt)
      onBatch?.(report)
    } catch (cause) {
      // Unacked, so it is delivered again.
      if (signal.aborted) return
      counters.failed(cause)
      logger.error(
        { err: cause, messages: batch.length },
        'batch not acknowledged, its messages are delivered again',
      )
    } finally {
      onSettled()
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
