import type { Logger } from '../../../logger.ts'

interface Committable {
  readonly partition: number
  commit(): unknown
}

interface Place {
  readonly message: Committable
  fate: 'open' | 'done' | 'stuck'
}

/** Commits an offset once the message and all before it in its partition are done, in any order. */
export class Offsets {
  readonly #log: Logger
  readonly #partitions = new Map<number, Place[]>()
  #committing: Promise<void> = Promise.resolve()
  /** The latest message of each partition that has a commit ahead. */
  readonly #ahead = new Map<number, Committable>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** Returns the function that ends it. */
  open(message: Committable): (fate: 'done' | 'stuck') => void {
    const places = this.#partitions.get(message.partition) ?? []
    this.#partitions.set(message.partition, places)
    const place: Place = { message, fate: 'open' }
    places.push(place)
    return (fate) => {
      place.fate = fate
      this.#advance(places)
    }
  }

  /** Resolves once all that can be committed is. */
  async committed(): Promise<void> {
    await this.#committing
  }

  #advance(places: Place[]): void {
    let last: Committable | undefined
    while (places[0]?.fate === 'done') last = places.shift()?.message
    if (last === undefined) return
    // While one commit is under way those that follow become one a partition.
    const { partition } = last
    const isAhead = this.#ahead.has(partition)
    this.#ahead.set(partition, last)
    if (!isAhead) this.#committing = this.#committing.then(() => this.#commit(partition))
  }

  async #commit(partition: number): Promise<void> {
    const message = this.#ahead.get(partition)
    this.#ahead.delete(partition)
    try {
      await message?.commit()
    } catch (error) {
      this.#log.warn(
        { err: error, partition },
        'offset cannot be committed, messages may come again',
      )
    }
  }
}
