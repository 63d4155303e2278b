import { PassingMap } from './passing.ts'

/** The entries that were set last: beyond `most`, those set longest ago are forgotten. */
export class Recent<Key, Value> {
  readonly #most: number
  readonly #entries = new PassingMap<Key, Value>()

  constructor(most: number) {
    this.#most = most
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  set(key: Key, value: Value): void {
    // At the end of the map again.
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#most) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }

  /** Says whether it was there. */
  delete(key: Key): boolean {
    return this.#entries.delete(key)
  }
}
