import { Semaphore } from './semaphore.ts'

/** Resolves once the event loop has looked for what else there is to do. */
export function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** For work that takes long: each waits for a turn of the event loop of its own, in the order in which they ask. */
export class OwnTurns {
  readonly #line = new Semaphore(1)

  async next(): Promise<void> {
    await this.#line.run(turnOfTheLoop)
  }
}

/** How long a turn may take before what could be done later waits for the next one. */
const LONG_TURN_MS = 25

/** The turn of the event loop that is under way. */
export class CurrentTurn {
  #startedAt: number | undefined

  /** Whether it has taken long since this was asked first. */
  get isLong(): boolean {
    if (this.#startedAt === undefined) {
      this.#startedAt = performance.now()
      setImmediate(() => {
        this.#startedAt = undefined
      })
    }
    return performance.now() - this.#startedAt > LONG_TURN_MS
  }
}
