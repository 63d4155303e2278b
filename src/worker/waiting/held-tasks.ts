import { startClockTimer, type Timer } from '../../async/timer.ts'
import { DueLine } from './due-line.ts'

/**
 * Deliveries that wait, unacknowledged, for their eta: if the worker dies, the broker still has them. They are due by the
 * system's clock, also when that is set meanwhile.
 */
export class HeldTasks<Job> {
  readonly #held = new Map<Job, (job: Job) => void>()
  readonly #line = new DueLine<Job>()
  #next: { readonly at: number; readonly timer: Timer } | undefined

  get size(): number {
    return this.#held.size
  }

  get jobs(): readonly Job[] {
    return [...this.#held.keys()]
  }

  /** Calls `onDue` with the job once `dueAt` (epoch ms) is reached. */
  hold(job: Job, dueAt: number, onDue: (job: Job) => void): void {
    this.#held.set(job, onDue)
    this.#line.add(job, dueAt)
    this.#wakeAt(dueAt)
  }

  /** Lets go of those. */
  remove(matches: (job: Job) => boolean): readonly Job[] {
    const jobs = [...this.#held.keys()].filter(matches)
    for (const job of jobs) this.#held.delete(job)
    // The line lets go of them when they are due, or at once where few are left.
    if (this.#line.size > 2 * this.#held.size) this.#line.keep((job) => this.#held.has(job))
    return jobs
  }

  /** Lets go of all of them, to be given back. */
  release(): readonly Job[] {
    const jobs = [...this.#held.keys()]
    this.#held.clear()
    this.#line.keep(() => false)
    this.#next?.timer.clear()
    this.#next = undefined
    return jobs
  }

  #wakeAt(at: number): void {
    if (this.#next !== undefined && this.#next.at <= at) return
    this.#next?.timer.clear()
    this.#next = { at, timer: startClockTimer(at, () => this.#wake()) }
  }

  #wake(): void {
    this.#next = undefined
    for (const job of this.#line.takeDue(Date.now())) {
      const onDue = this.#held.get(job)
      this.#held.delete(job)
      onDue?.(job)
    }
    const { nextAt } = this.#line
    if (nextAt !== undefined) this.#wakeAt(nextAt)
  }
}
