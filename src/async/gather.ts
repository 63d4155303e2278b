import { type Deferred, deferred } from './deferred.ts'

interface Waiting<Item, Answer> extends Deferred<Answer> {
  readonly item: Item
}

/**
 * Asks one question for many: while one is under way the items that come gather, and go together as the next.
 */
export class Gather<Item, Answer> {
  readonly #ask: (items: readonly Item[]) => Promise<readonly Answer[]>
  readonly #most: number
  #waiting: Waiting<Item, Answer>[] = []
  #asking: Promise<void> | undefined

  /** `ask` answers as many as it is given, in their order; at most `most` at a time. */
  constructor(ask: (items: readonly Item[]) => Promise<readonly Answer[]>, most: number) {
    this.#ask = ask
    this.#most = most
  }

  ask(item: Item): Promise<Answer> {
    const waiting = { item, ...deferred<Answer>() }
    this.#waiting.push(waiting)
    this.#asking ??= this.#askAll()
    return waiting.promise
  }

  /** Resolves when everything asked so far is answered. */
  async drain(): Promise<void> {
    await this.#asking
  }

  async #askAll(): Promise<void> {
    // Not at once: what comes in the same turn of the event loop goes along.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) await this.#askSome(this.#waiting.splice(0, this.#most))
    this.#asking = undefined
  }

  async #askSome(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.#ask(batch.map(({ item }) => item))
      // The question promises an answer to each.
      for (const [n, each] of batch.entries()) each.resolve(answers[n] as Answer)
    } catch (error) {
      for (const each of batch) each.reject(error)
    }
  }
}
