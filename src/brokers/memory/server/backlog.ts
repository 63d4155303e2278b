import type { QueueEntry } from './stored-message.ts'

/** The messages that wait in one queue: first in, first out, higher priorities before lower ones. */
export class Backlog {
  readonly #levels: readonly Level[]
  #size = 0

  constructor(maxPriority = 0) {
    this.#levels = Array.from({ length: maxPriority + 1 }, () => new Level())
  }

  get size(): number {
    return this.#size
  }

  push(entry: QueueEntry): void {
    this.#levelOf(entry).push(entry)
    this.#size += 1
  }

  /** To its former place in line. */
  putBack(entry: QueueEntry): void {
    this.#levelOf(entry).putBack(entry)
    this.#size += 1
  }

  peek(): QueueEntry | undefined {
    return this.#next()?.peek()
  }

  take(): QueueEntry | undefined {
    const entry = this.#next()?.take()
    if (entry !== undefined) this.#size -= 1
    return entry
  }

  #levelOf(entry: QueueEntry): Level {
    const level = this.#levels[Math.min(entry.priority, this.#levels.length - 1)]
    if (level === undefined) throw new RangeError(`no level for priority ${entry.priority}`)
    return level
  }

  #next(): Level | undefined {
    return this.#levels.findLast((level) => level.peek() !== undefined)
  }
}

/** One priority: what was put back is older than all that was never taken, so it goes first. */
class Level {
  readonly #returned: QueueEntry[] = []
  #fresh: (QueueEntry | undefined)[] = []
  #head = 0

  push(entry: QueueEntry): void {
    this.#fresh.push(entry)
  }

  putBack(entry: QueueEntry): void {
    this.#returned.splice(this.#placeFor(entry.position), 0, entry)
  }

  peek(): QueueEntry | undefined {
    return this.#returned.at(-1) ?? this.#fresh[this.#head]
  }

  take(): QueueEntry | undefined {
    return this.#returned.pop() ?? this.#takeFresh()
  }

  #takeFresh(): QueueEntry | undefined {
    const entry = this.#fresh[this.#head]
    if (entry === undefined) return undefined
    this.#fresh[this.#head] = undefined
    this.#head += 1
    if (this.#head > 1024 && this.#head * 2 > this.#fresh.length) this.#compact()
    return entry
  }

  // Kept latest first, as the next one is popped from the end.
  #placeFor(position: number): number {
    let low = 0
    let high = this.#returned.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#returned[middle]?.position ?? 0) > position) low = middle + 1
      else high = middle
    }
    return low
  }

  // The taken half goes at once: each entry is moved once on average, and memory stays flat.
  #compact(): void {
    this.#fresh = this.#fresh.slice(this.#head)
    this.#head = 0
  }
}
