/** setTimeout counts in 32 bits; longer waits are taken in steps. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Deliveries that wait, unacknowledged, for their eta: if the worker dies, the broker still has them. */
export class HeldTasks<Job> {
  readonly #timers = new Map<Job, NodeJS.Timeout>()

  get size(): number {
    return this.#timers.size
  }

  /** Calls `onDue` with the job once `dueAt` (epoch ms) is reached. */
  hold(job: Job, dueAt: number, onDue: (job: Job) => void): void {
    const waitMs = dueAt - Date.now()
    const timer = setTimeout(
      () => {
        // The longest timer may end long before, and any timer a moment.
        if (Date.now() < dueAt) {
          this.hold(job, dueAt, onDue)
          return
        }
        this.#timers.delete(job)
        onDue(job)
      },
      Math.max(0, Math.min(waitMs, LONGEST_TIMER_MS)),
    )
    this.#timers.set(job, timer)
  }

  /** Lets go of those. */
  remove(isMeant: (job: Job) => boolean): readonly Job[] {
    const jobs = [...this.#timers.keys()].filter(isMeant)
    for (const job of jobs) {
      clearTimeout(this.#timers.get(job))
      this.#timers.delete(job)
    }
    return jobs
  }

  /** Lets go of all of them, to be given back. */
  release(): readonly Job[] {
    const jobs = [...this.#timers.keys()]
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    return jobs
  }
}
