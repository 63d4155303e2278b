import { startTimer, type Timer } from '../../async/timer.ts'
import { ResultError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { TaskResult } from '../../protocol/results/task-result.ts'
import { showValue } from '../../protocol/show-value.ts'
import type { WaitOptions } from '../result-store.ts'
import type { TaskmetaRow } from '../taskmeta-row.ts'
import { Waiters } from '../waiters.ts'
import { LookSchedule } from './look-schedule.ts'
import { writeFailureOf } from './saving/write-failure.ts'
import { canBeKept } from './tables/taskmeta-table.ts'

interface PostgresWatcherOptions {
  readonly logger: Logger
  /** The rows, of these ids, whose tasks are over. */
  readonly readReady: (taskIds: readonly string[]) => Promise<readonly TaskmetaRow[]>
  readonly decode: (row: TaskmetaRow) => Promise<TaskResult>
  /** Calls back with ids that became ready; resolves to what stops it. */
  readonly listen: (onResults: (taskIds: readonly string[]) => void) => Promise<() => Promise<void>>
}

const DEFAULT_INTERVAL_MS = 500
const LISTEN_AGAIN_MS = 30_000

/**
 * Waits for results of any number of tasks with one query at a time for all of them. Young waits look
 * often, old ones seldom; announcements of our own writers make a look at once.
 */
export class PostgresWatcher {
  readonly #options: PostgresWatcherOptions
  readonly #waiters = new Waiters()
  readonly #looks = new LookSchedule()
  #timer: { readonly at: number; readonly timer: Timer } | undefined
  #looking: Promise<void> | undefined
  #listening: Promise<(() => Promise<void>) | undefined> | undefined
  #listenAfter = 0

  constructor(options: PostgresWatcherOptions) {
    this.#options = options
  }

  async wait(taskId: string, options: WaitOptions): Promise<TaskResult> {
    if (!canBeKept(taskId)) throw neverKept(taskId)
    const waiting = this.#waiters.wait(taskId, options)
    this.#looks.add(taskId, options.intervalMs ?? DEFAULT_INTERVAL_MS)
    this.#lookAt(0)
    try {
      return await waiting
    } finally {
      if (!this.#waiters.has(taskId)) this.#looks.delete(taskId)
      if (this.#looks.size === 0) this.#clearTimer()
    }
  }

  /** Every wait rejects with the reason. */
  async close(reason: unknown): Promise<void> {
    this.#waiters.rejectAll(reason)
    this.#looks.clear()
    this.#clearTimer()
    await this.#looking
    const stop = await this.#listening
    await stop?.()
  }

  /** One timer for all of them; a look that is under way sets it when it has ended. */
  #lookAt(at: number): void {
    if (this.#looking !== undefined || at === Number.POSITIVE_INFINITY) return
    if (this.#timer !== undefined && this.#timer.at <= at) return
    this.#clearTimer()
    const timer = startTimer(at - performance.now(), () => this.#startLook())
    this.#timer = { at, timer }
  }

  #clearTimer(): void {
    this.#timer?.timer.clear()
    this.#timer = undefined
  }

  #startLook(): void {
    this.#timer = undefined
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined
      this.#lookAt(this.#looks.nextAt)
    })
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const taskIds = this.#looks.takeDue(performance.now())
    try {
      for (const row of await this.#options.readReady(taskIds)) void this.#answer(row)
      if (this.#looks.size > 0) this.#startListening()
    } catch (error) {
      this.#handle(error, taskIds)
    }
  }

  /** Never rejects. */
  async #answer(row: TaskmetaRow): Promise<void> {
    // Once these are answered, no caller waits for it any more.
    this.#looks.delete(row.taskId)
    try {
      this.#waiters.resolve(await this.#options.decode(row))
    } catch (error) {
      this.#waiters.reject(row.taskId, error)
    }
  }

  #handle(error: unknown, taskIds: readonly string[]): void {
    if (writeFailureOf(error) === 'passing') {
      this.#options.logger.warn({ err: error }, 'cannot read results, trying again')
      return
    }
    for (const taskId of taskIds) this.#waiters.reject(taskId, error)
  }

  #startListening(): void {
    if (this.#listening !== undefined || performance.now() < this.#listenAfter) return
    this.#listening = this.#options
      .listen((taskIds) => this.#hear(taskIds))
      .catch((error) => {
        this.#options.logger.debug(
          { err: error },
          'result notifications unavailable, polling instead',
        )
        this.#listenAfter = performance.now() + LISTEN_AGAIN_MS
        this.#listening = undefined
        return undefined
      })
  }

  #hear(taskIds: readonly string[]): void {
    const isWanted = taskIds.filter((taskId) => this.#looks.hasten(taskId)).length > 0
    if (isWanted) this.#lookAt(0)
  }
}

function neverKept(taskId: string): ResultError {
  return new ResultError(
    'RESULT_UNSUPPORTED',
    `PostgreSQL keeps no result of task ${showValue(taskId)}: its id contains a NUL character`,
  )
}
