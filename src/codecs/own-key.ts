/** Sets a key of a plain object; assigning `__proto__` would set its prototype instead. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value
  else
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    })
}

/** Pairs as a plain object where every key is text, else as a Map. */
export function dictOf(entries: readonly (readonly [unknown, unknown])[]): object {
  if (entries.some(([key]) => typeof key !== 'string')) return new Map(entries)
  const object: Record<string, unknown> = {}
  for (const [key, value] of entries) setOwn(object, key as string, value)
  return object
}

/** The same, pair by pair: keys and values are added in turn, and no list of millions is gone through at once. */
export class DictBuilder {
  #object: Record<string, unknown> = {}
  #map: Map<unknown, unknown> | undefined
  #key: unknown
  #hasKey = false
  #size = 0

  add(value: unknown): void {
    if (this.#hasKey) this.#set(value)
    else this.#key = value
    this.#hasKey = !this.#hasKey
  }

  /** Whether the value of a key comes next. */
  get isOpen(): boolean {
    return this.#hasKey
  }

  get lastKey(): unknown {
    return this.#key
  }

  /** How many keys have come with their values. */
  get size(): number {
    return this.#size
  }

  finish(): object {
    return this.#map ?? this.#object
  }

  #set(value: unknown): void {
    this.#size += 1
    if (this.#map === undefined && typeof this.#key !== 'string') {
      this.#map = mapOf(this.#object)
    }
    if (this.#map === undefined)
      setOwn(this.#object, this.#key as string, value) // looked at just now
    else this.#map.set(this.#key, value)
  }
}

/** Key by key: of millions, a list of pairs would take more than the object itself. */
function mapOf(object: Readonly<Record<string, unknown>>): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>()
  for (const key in object) map.set(key, object[key])
  return map
}

/** A list that grew value by value has room for seventeen at least. */
export function fitted(items: unknown[]): unknown[] {
  return items.length < 17 ? items.slice() : items
}
