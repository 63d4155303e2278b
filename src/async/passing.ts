/** So seldom that it costs nothing, and so often that little is kept. */
const RENEW_AFTER = 100

/**
 * A Map for what comes and goes as long as the process lives. V8 keeps entries that were deleted until it collects the whole heap:
 * each time a Map makes room, its old table holds the next one, and all that was in it. This one starts afresh now and then.
 */
export class PassingMap<Key, Value> {
  #entries = new Map<Key, Value>()
  #deleted = 0

  get size(): number {
    return this.#entries.size
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  set(key: Key, value: Value): void {
    this.#entries.set(key, value)
  }

  /** Says whether it was there. */
  delete(key: Key): boolean {
    if (!this.#entries.delete(key)) return false
    this.#deleted += 1
    // Never more work than the deletions were.
    if (this.#deleted >= Math.max(RENEW_AFTER, this.#entries.size)) this.#renew()
    return true
  }

  clear(): void {
    this.#entries.clear()
    this.#renew()
  }

  #renew(): void {
    this.#entries = new Map(this.#entries)
    this.#deleted = 0
  }

  /** In the order in which they came; what is deleted meanwhile may still be among them. */
  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#entries[Symbol.iterator]()
  }

  keys(): IterableIterator<Key> {
    return this.#entries.keys()
  }

  values(): IterableIterator<Value> {
    return this.#entries.values()
  }
}

/** A Set for what comes and goes as long as the process lives, as PassingMap is a Map. */
export class PassingSet<Value> {
  readonly #values = new PassingMap<Value, true>()

  get size(): number {
    return this.#values.size
  }

  has(value: Value): boolean {
    return this.#values.has(value)
  }

  add(value: Value): void {
    this.#values.set(value, true)
  }

  /** Says whether it was there. */
  delete(value: Value): boolean {
    return this.#values.delete(value)
  }

  clear(): void {
    this.#values.clear()
  }

  /** In the order in which they came; what is deleted meanwhile may still be among them. */
  [Symbol.iterator](): IterableIterator<Value> {
    return this.#values.keys()
  }
}
