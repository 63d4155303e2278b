export interface StatisticsValues {
  readonly secondsPerState: Readonly<Record<string, number>>
  readonly completed: number
  readonly incomplete: number
  readonly awaiting: number
  readonly discardedFailures: number
  readonly activeForSeconds: number
}

/** How a run spent its time. */
export class Statistics {
  readonly #secondsPerState: Record<string, number> = {}
  #startedAt = 0
  #enteredAt = 0
  #state: string | undefined
  #endedAt: number | undefined
  completed = 0
  incomplete = 0
  awaiting = 0
  discardedFailures = 0

  start(): void {
    this.#startedAt = performance.now()
    this.#endedAt = undefined
    this.completed = 0
    this.discardedFailures = 0
    for (const state of Object.keys(this.#secondsPerState)) delete this.#secondsPerState[state]
  }

  enter(state: string): void {
    const now = performance.now()
    this.#leave(now)
    this.#state = state
    this.#enteredAt = now
  }

  end(): void {
    this.#endedAt = performance.now()
    this.#leave(this.#endedAt)
    this.#state = undefined
  }

  values(): StatisticsValues {
    const { completed, incomplete, awaiting, discardedFailures } = this
    const until = this.#endedAt ?? (this.#startedAt === 0 ? 0 : performance.now())
    return {
      secondsPerState: { ...this.#secondsPerState },
      completed,
      incomplete,
      awaiting,
      discardedFailures,
      activeForSeconds: (until - this.#startedAt) / 1000,
    }
  }

  #leave(now: number): void {
    if (this.#state === undefined) return
    const before = this.#secondsPerState[this.#state] ?? 0
    this.#secondsPerState[this.#state] = before + (now - this.#enteredAt) / 1000
  }
}
