import { PassingSet } from '../../async/passing.ts'
import { startTimer, type Timer } from '../../async/timer.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'

/** The event loop stood still: heartbeats and all other tasks with it. */
export interface LoopBlock {
  /** The task that blocked it; undefined where several may have. */
  readonly request: TaskRequest | undefined
  /** Names of the tasks that may have. */
  readonly among: readonly string[]
  readonly blockedMs: number
}

/** A loop that stands still for longer is reported. */
export const BLOCKED_MS = 1_000
const LOOK_MS = 250
const MOST_NAMED = 5

/**
 * Finds the task that blocks the event loop. Most do it before their first await, which is measured; else the loop is late for
 * a timer, and it was one of the tasks that ran. Nothing ticks while no task runs; one timer serves those that follow one another.
 */
export class LoopWatch {
  readonly #onBlocked: (block: LoopBlock) => void
  readonly #running = new PassingSet<TaskRequest>()
  /** Those that ended last, since the last look. */
  #ended: TaskRequest[] = []
  #timer: Timer | undefined
  #dueAt = 0
  /** What tasks are known to have blocked since the last look. */
  #explainedMs = 0

  constructor(onBlocked: (block: LoopBlock) => void) {
    this.#onBlocked = onBlocked
  }

  /** Calls the function of a task up to its first await. */
  begin(request: TaskRequest, run: () => void): void {
    const beganAt = performance.now()
    // What kept the loop while no task ran is no task's fault.
    if (this.#running.size === 0) this.#dueAt = beganAt + LOOK_MS
    this.#running.add(request)
    if (this.#timer === undefined) this.#lookAgain()
    run()
    const blockedMs = performance.now() - beganAt
    if (blockedMs < BLOCKED_MS) return
    this.#explainedMs += blockedMs
    this.#onBlocked({ request, among: [request.task], blockedMs })
  }

  end(request: TaskRequest): void {
    this.#running.delete(request)
    if (this.#ended.length < MOST_NAMED) this.#ended.push(request)
    if (this.#running.size === 0) this.#look()
  }

  #lookAgain(): void {
    this.#timer = startTimer(LOOK_MS, () => {
      this.#timer = undefined
      if (this.#running.size === 0) return
      this.#look()
      this.#dueAt = performance.now() + LOOK_MS
      this.#lookAgain()
    }).unref()
  }

  #look(): void {
    const lateMs = performance.now() - this.#dueAt - this.#explainedMs
    if (lateMs >= BLOCKED_MS) this.#suspect(lateMs)
    this.#ended = []
    this.#explainedMs = 0
  }

  #suspect(blockedMs: number): void {
    const suspects = [...this.#ended, ...this.#running]
    const [only] = suspects
    if (only === undefined) return
    const among = [...new Set(suspects.map(({ task }) => task))].slice(0, MOST_NAMED)
    this.#onBlocked({ request: suspects.length === 1 ? only : undefined, among, blockedMs })
  }
}
