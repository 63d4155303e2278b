interface Place<Item> {
  readonly item: Item
  readonly dueAt: number
  /** Those due at the same time keep their order. */
  readonly order: number
}

/** Items by the time they are due: a binary heap, so that a hundred thousand of them cost little each. */
export class DueLine<Item> {
  #heap: Place<Item>[] = []
  #added = 0

  get size(): number {
    return this.#heap.length
  }

  get nextAt(): number | undefined {
    return this.#heap[0]?.dueAt
  }

  add(item: Item, dueAt: number): void {
    this.#added += 1
    this.#heap.push({ item, dueAt, order: this.#added })
    this.#rise(this.#heap.length - 1)
  }

  /** Takes out what is due by then, the earliest first. */
  takeDue(now: number): readonly Item[] {
    const due: Item[] = []
    for (let first = this.#heap[0]; first !== undefined && first.dueAt <= now; ) {
      due.push(first.item)
      this.#removeFirst()
      first = this.#heap[0]
    }
    return due
  }

  keep(isWanted: (item: Item) => boolean): void {
    // In order, which is a heap as well.
    this.#heap = this.#heap.filter(({ item }) => isWanted(item)).sort(compare)
  }

  #removeFirst(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #rise(start: number): void {
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >> 1
      if (!this.#swapUnlessOrdered(parent, at)) return
      at = parent
    }
  }

  #sink(start: number): void {
    for (let at = start; ; ) {
      const child = this.#earlierChild(at)
      if (child === undefined || !this.#swapUnlessOrdered(at, child)) return
      at = child
    }
  }

  #earlierChild(at: number): number | undefined {
    const [left, right] = [this.#heap[2 * at + 1], this.#heap[2 * at + 2]]
    if (left === undefined) return undefined
    return right !== undefined && compare(right, left) < 0 ? 2 * at + 2 : 2 * at + 1
  }

  #swapUnlessOrdered(upper: number, lower: number): boolean {
    const [above, below] = [this.#heap[upper], this.#heap[lower]]
    if (above === undefined || below === undefined || compare(above, below) <= 0) return false
    this.#heap[upper] = below
    this.#heap[lower] = above
    return true
  }
}

function compare<Item>(one: Place<Item>, other: Place<Item>): number {
  return one.dueAt - other.dueAt || one.order - other.order
}
