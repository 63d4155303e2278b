import type { Logger } from '../logger.ts'
import type { TaskResult } from '../protocol/task-result.ts'
import type { WaitOptions } from './result-store.ts'
import type { TaskmetaRow } from './taskmeta-row.ts'
import { Waiters } from './waiters.ts'
import { writeFailureOf } from './write-failure.ts'

export interface ResultWatcherOptions {
  readonly logger: Logger
  /** The rows, of these ids, whose tasks are over. */
  readonly readReady: (taskIds: readonly string[]) => Promise<readonly TaskmetaRow[]>
  readonly decode: (row: TaskmetaRow) => TaskResult
  /** Calls back with ids that became ready; resolves to what stops it. */
  readonly listen: (onResults: (taskIds: readonly string[]) => void) => Promise<() => Promise<void>>
}

/** When an id is looked for next; each look that finds nothing doubles the wait. */
interface Look {
  dueAt: number
  delayMs: number
  intervalMs: number
}

const FIRST_DELAY_MS = 20
const DEFAULT_INTERVAL_MS = 500
const LISTEN_AGAIN_MS = 30_000

/**
 * Waits for results of any number of tasks with one query at a time for all of them. Young waits look
 * often, old ones seldom; announcements of our own writers make a look at once.
 */
export class ResultWatcher {
  readonly #options: ResultWatcherOptions
  readonly #waiters = new Waiters()
  readonly #looks = new Map<string, Look>()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #listening: Promise<(() => Promise<void>) | undefined> | undefined
  #listenAfter = 0

  constructor(options: ResultWatcherOptions) {
    this.#options = options
  }

  async wait(taskId: string, options: WaitOptions): Promise<TaskResult> {
    const waiting = this.#waiters.wait(taskId, options)
    this.#lookFor(taskId, options.intervalMs ?? DEFAULT_INTERVAL_MS)
    try {
      return await waiting
    } finally {
      if (!this.#waiters.has(taskId)) this.#looks.delete(taskId)
      if (this.#looks.size === 0) clearTimeout(this.#timer)
    }
  }

  /** Every wait rejects with the reason. */
  async close(reason: unknown): Promise<void> {
    this.#waiters.rejectAll(reason)
    this.#looks.clear()
    clearTimeout(this.#timer)
    await this.#looking
    const stop = await this.#listening
    await stop?.()
  }

  #lookFor(taskId: string, intervalMs: number): void {
    const before = this.#looks.get(taskId)
    this.#looks.set(taskId, {
      dueAt: 0,
      delayMs: FIRST_DELAY_MS,
      intervalMs: Math.min(intervalMs, before?.intervalMs ?? intervalMs),
    })
    this.#schedule()
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#looks.size === 0 || this.#looking !== undefined) return
    let dueAt = Number.POSITIVE_INFINITY
    for (const look of this.#looks.values()) dueAt = Math.min(dueAt, look.dueAt)
    this.#timer = setTimeout(() => this.#startLook(), Math.max(0, dueAt - performance.now()))
  }

  #startLook(): void {
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined
      this.#schedule()
    })
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const taskIds = this.#takeDue(performance.now())
    try {
      for (const row of await this.#options.readReady(taskIds)) this.#answer(row)
      if (this.#looks.size > 0) this.#startListening()
    } catch (error) {
      this.#handle(error, taskIds)
    }
  }

  #takeDue(now: number): readonly string[] {
    const taskIds: string[] = []
    for (const [taskId, look] of this.#looks) {
      // What is due in a moment goes along.
      if (look.dueAt > now + FIRST_DELAY_MS / 2) continue
      taskIds.push(taskId)
      look.dueAt = now + Math.min(look.delayMs, look.intervalMs)
      look.delayMs *= 2
    }
    return taskIds
  }

  #answer(row: TaskmetaRow): void {
    // Nobody else waits for it any more, once these are answered.
    this.#looks.delete(row.taskId)
    try {
      this.#waiters.resolve(this.#options.decode(row))
    } catch (error) {
      this.#waiters.reject(row.taskId, error)
    }
  }

  #handle(error: unknown, taskIds: readonly string[]): void {
    if (writeFailureOf(error) === 'passing') {
      this.#options.logger.warn({ error }, 'results cannot be looked for, trying again')
      return
    }
    for (const taskId of taskIds) this.#waiters.reject(taskId, error)
  }

  #startListening(): void {
    if (this.#listening !== undefined || performance.now() < this.#listenAfter) return
    this.#listening = this.#options
      .listen((taskIds) => this.#hear(taskIds))
      .catch((error) => {
        this.#options.logger.debug({ error }, 'results are not announced here, looking instead')
        this.#listenAfter = performance.now() + LISTEN_AGAIN_MS
        this.#listening = undefined
        return undefined
      })
  }

  #hear(taskIds: readonly string[]): void {
    const looks = taskIds.flatMap((taskId) => this.#looks.get(taskId) ?? [])
    for (const look of looks) look.dueAt = 0
    if (looks.length > 0) this.#schedule()
  }
}
