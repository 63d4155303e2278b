/** First in, first out; what comes back may go to the front. */
export class Deque<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  /** What is in it, in its order. */
  get items(): readonly T[] {
    // Only shift() leaves gaps, and those are before the head.
    return this.#items.slice(this.#head) as T[]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    const item = this.#items[this.#head]
    if (this.#head === this.#items.length) return undefined
    this.#items[this.#head] = undefined
    this.#head += 1
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) this.#compact()
    return item
  }

  takeAll(): readonly T[] {
    this.#compact()
    // What is left holds no gaps: only shift() makes them, and they are cut off.
    const items = this.#items as T[]
    this.#items = []
    return items
  }

  toFront(items: readonly T[]): void {
    this.#items = [...items, ...this.#items.slice(this.#head)]
    this.#head = 0
  }

  /** Keeps only these. */
  filter(keep: (item: T) => boolean): void {
    this.#compact()
    this.#items = this.#items.filter((item) => item !== undefined && keep(item))
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }
}
