/** So seldom that it costs nothing, and so often that little is kept. */
const RENEW_AFTER = 100

/**
 * A Map for what comes and goes as long as the process lives. V8 keeps entries that were deleted until it collects the whole heap:
 * each time a Map makes room, its old table holds the next one, and all that was in it. This one starts afresh now and then.
 */
export class PassingMap<Key, Value> {
  #entries = new Map<Key, Value>()
  #deleted = 0

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  set(key: Key, value: Value): void {
    this.#entries.set(key, value)
  }

  delete(key: Key): void {
    if (!this.#entries.delete(key)) return
    this.#deleted += 1
    if (this.#deleted < RENEW_AFTER || this.#deleted < this.#entries.size) return
    this.#entries = new Map(this.#entries)
    this.#deleted = 0
  }

  /** In the order in which they came; what is deleted meanwhile may still be among them. */
  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#entries[Symbol.iterator]()
  }

  values(): IterableIterator<Value> {
    return this.#entries.values()
  }
}
