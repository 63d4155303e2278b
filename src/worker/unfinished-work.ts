import { PassingSet } from '../async/passing.ts'
import type { Logger } from '../logger.ts'

/** Work that the worker does beside its deliveries: it is awaited at the stop, and a failure in it is logged, not lost. */
export class UnfinishedWork {
  readonly #logger: Logger
  readonly #works = new PassingSet<Promise<void>>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get isEmpty(): boolean {
    return this.#works.size === 0
  }

  add(work: Promise<unknown> | undefined): void {
    if (work === undefined) return
    const guarded = work.then(
      () => undefined,
      (error: unknown) => {
        this.#logger.error({ err: error }, 'a delivery could not be handled')
      },
    )
    this.#works.add(guarded)
    void guarded.finally(() => this.#works.delete(guarded))
  }

  /** Resolves once all has ended, with what was added meanwhile. */
  async ended(): Promise<void> {
    while (this.#works.size > 0) await Promise.all(this.#works)
  }
}
