import { type Backoff, backoffDelayMs } from '../../../async/backoff.ts'
import { PassingMap } from '../../../async/passing.ts'
import { Semaphore } from '../../../async/semaphore.ts'
import { sleep } from '../../../async/sleep.ts'
import type { TaskmetaRow } from '../../taskmeta-row.ts'
import type { ChordState } from '../tables/chord-table.ts'
import { type BatchLimits, type PendingSave, PendingSaves } from './pending-saves.ts'
import { type RowWriting, writeRows } from './write-rows.ts'

interface BatchWriterOptions extends RowWriting {
  /** A row that could not be written for so long is given up: its save rejects with RESULT_UNSAVED. */
  readonly deadlineMs: number
}

/** Statements that may run at once for rows of one kind. */
interface Lane {
  free: number
  readonly limits: BatchLimits
  readonly takes: (row: TaskmetaRow) => boolean
}

/** A row of this size goes alone and apart, so that none waits behind it. */
const BIG_BYTES = 256 * 1024
const BATCH_LIMITS: BatchLimits = { maxRows: 1000, maxBytes: 1024 * 1024 }
const LOCKED_BACKOFF: Backoff = { initialMs: 50, factor: 2, maxMs: 1000, jitter: 0.5 }

/**
 * Group commit: while one batch is being written the next one gathers, and goes when a connection is free.
 * One row is never in two batches at once, so the saves of one task are written in their order.
 */
export class BatchWriter {
  readonly #options: BatchWriterOptions
  readonly #pending: PendingSaves
  /** Those whose rows are on their way, or wait for others to unlock them, by task id. */
  readonly #underway = new PassingMap<string, PendingSave>()
  readonly #lanes: readonly Lane[] = [
    { free: 2, limits: BATCH_LIMITS, takes: (row) => row.byteLength < BIG_BYTES },
    { free: 1, limits: { maxRows: 1, maxBytes: 0 }, takes: (row) => row.byteLength >= BIG_BYTES },
  ]
  readonly #lockedLane = new Semaphore(1)
  #wake: NodeJS.Immediate | undefined

  constructor(options: BatchWriterOptions) {
    this.#options = options
    this.#pending = new PendingSaves(options.deadlineMs)
  }

  /** Resolves once the row is committed, with the state of the chord that its task is a member of. */
  async save(row: TaskmetaRow): Promise<ChordState | undefined> {
    const save = this.#pending.add(row)
    // Not at once: what is saved in the same turn of the event loop goes along.
    this.#wake ??= setImmediate(() => {
      this.#wake = undefined
      this.#startBatches()
    })
    return await save.saved
  }

  /** Resolves when everything saved so far is safe or given up. */
  async drain(): Promise<void> {
    const unsettled = [...this.#pending.all(), ...this.#underway.values()]
    await Promise.allSettled(unsettled.map(({ saved }) => saved))
  }

  #startBatches(): void {
    for (const lane of this.#lanes) {
      while (lane.free > 0) {
        const batch = this.#take(lane)
        if (batch.length === 0) break
        this.#run(batch, lane).catch((error: unknown) => {
          this.#options.logger.error({ err: error }, 'writing results failed unexpectedly')
        })
      }
    }
  }

  #take(lane: Lane): readonly PendingSave[] {
    return this.#pending.take(
      lane.limits,
      (row) => lane.takes(row) && !this.#underway.has(row.taskId),
    )
  }

  async #run(batch: readonly PendingSave[], lane: Lane): Promise<void> {
    lane.free -= 1
    for (const save of batch) this.#underway.set(save.row.taskId, save)
    const locked = await writeRows(batch, this.#options)
    lane.free += 1
    this.#release(batch, locked)
    await this.#writeLocked(locked)
  }

  /** Rows that others hold locked are tried again and again, apart from the rest. */
  async #writeLocked(locked: readonly PendingSave[]): Promise<void> {
    let left = locked
    for (let attempt = 1; left.length > 0; attempt += 1) {
      await sleep(backoffDelayMs(LOCKED_BACKOFF, attempt))
      const tried = left
      left = await this.#lockedLane.run(() => writeRows(tried, this.#options))
      this.#release(tried, left)
    }
  }

  #release(batch: readonly PendingSave[], kept: readonly PendingSave[]): void {
    const stay = new Set(kept)
    for (const save of batch) if (!stay.has(save)) this.#underway.delete(save.row.taskId)
    this.#startBatches()
  }
}
