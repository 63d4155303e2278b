import { type Deferred, deferred } from './deferred.ts'
import { Deque } from './deque.ts'

/** Lets at most `permits` holders in at a time; the others wait in line. */
export class Semaphore {
  #free: number
  readonly #line = new Deque<Deferred<void>>()

  constructor(permits: number) {
    this.#free = permits
  }

  async acquire(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1
      return
    }
    const turn = deferred()
    this.#line.push(turn)
    await turn.promise
  }

  release(): void {
    const next = this.#line.shift()
    if (next === undefined) this.#free += 1
    else next.resolve()
  }

  /** Runs it while holding a permit. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.acquire()
    try {
      return await work()
    } finally {
      this.release()
    }
  }
}
