import { PassingSet } from '../async/passing.ts'
import { ResultError } from '../errors.ts'

/** The life of a store: it refuses calls once it closes, and closes after the saves under way. */
export class StoreLife {
  readonly #name: string
  readonly #saving = new PassingSet<Promise<unknown>>()
  #closing: Promise<void> | undefined

  /** The name is that of its errors: "the Redis result store". */
  constructor(name: string) {
    this.#name = name
  }

  checkOpen(): void {
    if (this.#closing !== undefined) throw this.closedError()
  }

  closedError(): ResultError {
    return new ResultError('RESULT_CLOSED', `${this.#name} was used after close()`)
  }

  /** Closing waits for this save. */
  async track(saving: Promise<void>): Promise<void> {
    this.#saving.add(saving)
    try {
      await saving
    } finally {
      this.#saving.delete(saving)
    }
  }

  /** Closes once, however often it is called. */
  close(close: () => Promise<void>): Promise<void> {
    this.#closing ??= this.#close(close)
    return this.#closing
  }

  async #close(close: () => Promise<void>): Promise<void> {
    await Promise.allSettled(this.#saving)
    await close()
  }
}
