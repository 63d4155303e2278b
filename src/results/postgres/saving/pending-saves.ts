import { deferred } from '../../../async/deferred.ts'
import { PassingMap } from '../../../async/passing.ts'
import { startTimer, type Timer } from '../../../async/timer.ts'
import { isReady } from '../../../protocol/results/states.ts'
import { UnsavedResult } from '../../failures.ts'
import type { TaskmetaRow } from '../../taskmeta-row.ts'
import type { ChordState } from '../tables/chord-table.ts'
import { writeFailureOf } from './write-failure.ts'

export interface BatchLimits {
  readonly maxRows: number
  readonly maxBytes: number
}

/** One row to be written, and everyone who waits for it to be safe; given up after its deadline. */
export class PendingSave {
  row: TaskmetaRow
  /** Why the last try failed, if one was made and failed. */
  lastError: unknown
  readonly #deadlineMs: number
  readonly #saved = deferred<ChordState | undefined>()
  readonly #timer: Timer
  #state: 'open' | 'settled' = 'open'

  constructor(row: TaskmetaRow, deadlineMs: number) {
    this.row = row
    this.#deadlineMs = deadlineMs
    this.#timer = startTimer(deadlineMs, () => this.giveUp())
  }

  /** With the state of the chord that the row's task is a member of. */
  get saved(): Promise<ChordState | undefined> {
    return this.#saved.promise
  }

  get isSettled(): boolean {
    return this.#state === 'settled'
  }

  succeed(chord: ChordState | undefined): void {
    this.#settle()
    this.#saved.resolve(chord)
  }

  giveUp(): void {
    this.#settle()
    // Made only now: an error with its stack takes more memory than the row, and hardly a save needs one.
    const cause =
      this.lastError ?? new Error(`no answer from the database in ${this.#deadlineMs} ms`)
    this.#saved.reject(
      new UnsavedResult(this.row.taskId, { cause, isFinal: writeFailureOf(cause) === 'row' }),
    )
  }

  #settle(): void {
    this.#state = 'settled'
    this.#timer.clear()
  }
}

/** Rows that wait for a free connection, by task id and in the order they came. */
export class PendingSaves {
  readonly #byId = new PassingMap<string, PendingSave>()
  readonly #deadlineMs: number

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs
  }

  /** A second row of a task that still waits takes the place of the first: the last one counts. */
  add(row: TaskmetaRow): PendingSave {
    const waiting = this.#byId.get(row.taskId)
    if (waiting && !waiting.isSettled) {
      if (isReady(row.status) || !isReady(waiting.row.status)) {
        const { member } = waiting.row
        waiting.row = member === undefined ? row : { member, ...row }
      }
      return waiting
    }
    const save = new PendingSave(row, this.#deadlineMs)
    this.#byId.set(row.taskId, save)
    return save
  }

  all(): readonly PendingSave[] {
    return [...this.#byId.values()]
  }

  /** Takes what fits in one batch and passes the test; always at least one row, if any passes. */
  take(limits: BatchLimits, isWanted: (row: TaskmetaRow) => boolean): PendingSave[] {
    const taken: PendingSave[] = []
    let bytes = 0
    for (const [taskId, save] of this.#byId) {
      if (save.isSettled) this.#byId.delete(taskId)
      if (save.isSettled || !isWanted(save.row)) continue
      bytes += save.row.byteLength
      if (taken.length > 0 && (bytes > limits.maxBytes || taken.length >= limits.maxRows)) break
      this.#byId.delete(taskId)
      taken.push(save)
    }
    return taken
  }
}
