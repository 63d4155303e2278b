import { type Deferred, deferred } from '../../../async/deferred.ts'
import { startTimer, type Timer } from '../../../async/timer.ts'

interface BatchesParts<Item> {
  /** How long an item waits for others. */
  readonly lingerMs: number
  /** Answers for each, in their order, what became of it; must not reject. */
  readonly call: (items: readonly Item[]) => Promise<readonly unknown[]>
}

interface Waiting<Item> {
  readonly item: Item
  readonly done: Deferred<unknown>
}

const MOST = 10

/** Makes calls of ten of what is asked for one by one. */
export class Batches<Item> {
  readonly #parts: BatchesParts<Item>
  readonly #away = new Set<Promise<void>>()
  #waiting: Waiting<Item>[] = []
  #linger: Timer | undefined

  constructor(parts: BatchesParts<Item>) {
    this.#parts = parts
  }

  /** What the call answered for this one. */
  add(item: Item): Promise<unknown> {
    const done = deferred<unknown>()
    this.#waiting.push({ item, done })
    if (this.#waiting.length >= MOST) this.flush()
    else this.#linger ??= startTimer(this.#parts.lingerMs, () => this.flush())
    return done.promise
  }

  /** Sends what waits, without waiting for more. */
  flush(): void {
    this.#linger?.clear()
    this.#linger = undefined
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST)
      const work = this.#send(batch).finally(() => this.#away.delete(work))
      this.#away.add(work)
    }
  }

  async drained(): Promise<void> {
    this.flush()
    while (this.#away.size > 0) await Promise.all(this.#away)
  }

  async #send(batch: readonly Waiting<Item>[]): Promise<void> {
    const answers = await this.#parts.call(batch.map(({ item }) => item))
    for (const [index, { done }] of batch.entries()) done.resolve(answers[index])
  }
}
