import { type Deferred, deferred } from '../../async/deferred.ts'

export type WhenFull = 'wait' | 'drop-oldest' | 'drop-newest' | 'latest'

export interface QueueLimits {
  /** The most messages that wait. Default 64. */
  readonly limit?: number | undefined
  /** The most bytes that wait; a single larger message still passes, alone. Default 2 MiB with `wait`, else 16 MiB. */
  readonly limitBytes?: number | undefined
  /**
   * `wait` holds back the source (default). The others drop, counted and logged: the oldest, the newest, or with `latest`
   * all that wait as soon as a newer one comes, full or not.
   */
  readonly whenFull?: WhenFull | undefined
}

export interface Queued {
  readonly size: number
  /** Which lane alone may take it; undefined where any may. */
  readonly lane?: number | undefined
}

export const QUEUE_LIMIT = 64
/** Where the source waits, more would only take memory. */
const WAIT_LIMIT_BYTES = 2 * 1024 * 1024
const DROP_LIMIT_BYTES = 16 * 1024 * 1024

/** Messages between those who put and those who take, bounded by number and by bytes. */
export class BoundedQueue<Item extends Queued> {
  readonly limit: number
  readonly limitBytes: number
  readonly whenFull: WhenFull
  readonly #onDrop: (item: Item) => void
  #items: (Item | undefined)[] = []
  /** Where the oldest is in `#items`: cheaper than moving all of them for each one taken. */
  #head = 0
  #bytes = 0
  #isClosed = false
  /** Those who wait for room, in the order in which they came. */
  readonly #line: { readonly item: Item; readonly isTaken: Deferred<boolean> }[] = []
  #news: Deferred<void> | undefined
  /** Those who look again when something was put: called at once, as a promise a message is what costs most. */
  #lookers: (() => void)[] = []

  constructor(limits: QueueLimits, onDrop: (item: Item) => void) {
    this.limit = limits.limit ?? QUEUE_LIMIT
    this.whenFull = limits.whenFull ?? 'wait'
    this.limitBytes =
      limits.limitBytes ?? (this.whenFull === 'wait' ? WAIT_LIMIT_BYTES : DROP_LIMIT_BYTES)
    this.#onDrop = onDrop
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  get oldest(): Item | undefined {
    return this.#items[this.#head]
  }

  get bytes(): number {
    return this.#bytes
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get isEnded(): boolean {
    return this.#isClosed && this.size === 0
  }

  /** Undefined where the item was taken (or dropped) at once; else resolves when there was room, with false once closed. */
  put(item: Item): Promise<boolean> | undefined {
    if (this.#isClosed) return Promise.resolve(false)
    if (this.#hasRoomFor(item) && this.#line.length === 0 && this.whenFull !== 'latest') {
      this.#push(item)
      return undefined
    }
    switch (this.whenFull) {
      case 'wait':
        return this.#putLater(item)
      case 'drop-newest':
        this.#onDrop(item)
        return undefined
      case 'drop-oldest':
        while (!this.#hasRoomFor(item)) this.#dropOldest()
        this.#push(item)
        return undefined
      case 'latest':
        while (this.size > 0) this.#dropOldest()
        this.#push(item)
        return undefined
    }
  }

  /** The oldest item that this lane may take. */
  take(lane?: number): Item | undefined {
    if (this.size === 0) return undefined
    const at = lane === undefined ? this.#head : this.#firstOf(lane)
    const item = this.#items[at]
    if (item === undefined) return undefined
    if (at === this.#head) {
      this.#items[at] = undefined // lets go of a large frame before the list is compacted
      this.#head += 1
    } else this.#items.splice(at, 1)
    this.#bytes -= item.size
    this.#compact()
    this.#letIn()
    return item
  }

  /** All that waits, taken at once. */
  drain(): Item[] {
    const items: Item[] = []
    for (let item = this.take(); item !== undefined; item = this.take()) items.push(item)
    return items
  }

  /** Resolves once something was put, or the queue was closed. */
  async changed(): Promise<void> {
    if (this.#isClosed) return
    this.#news ??= deferred()
    await this.#news.promise
  }

  /** The same by a call, once; false where the queue is closed and nothing more comes. */
  onChange(look: () => void): boolean {
    if (this.#isClosed) return false
    this.#lookers.push(look)
    return true
  }

  /** Takes nothing more; what waits can still be taken. */
  close(): void {
    this.#isClosed = true
    this.#letIn()
    this.wakeTakers()
  }

  /** Those who wait for a change look again. */
  wakeTakers(): void {
    const news = this.#news
    this.#news = undefined
    news?.resolve()
    if (this.#lookers.length === 0) return
    const lookers = this.#lookers
    this.#lookers = []
    for (const look of lookers) look()
  }

  #hasRoomFor(item: Item): boolean {
    const { size } = this
    return size === 0 || (size < this.limit && this.#bytes + item.size <= this.limitBytes)
  }

  #putLater(item: Item): Promise<boolean> {
    const isTaken = deferred<boolean>()
    this.#line.push({ item, isTaken })
    return isTaken.promise
  }

  #push(item: Item): void {
    this.#items.push(item)
    this.#bytes += item.size
    this.wakeTakers()
  }

  #dropOldest(): void {
    const oldest = this.take()
    if (oldest !== undefined) this.#onDrop(oldest)
  }

  #firstOf(lane: number): number {
    for (let at = this.#head; at < this.#items.length; at += 1) {
      if (this.#items[at]?.lane === lane) return at
    }
    return -1
  }

  #compact(): void {
    if (this.#head === this.#items.length) {
      this.#items.length = 0
      this.#head = 0
    } else if (this.#head >= 1024) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
  }

  #letIn(): void {
    for (let first = this.#line[0]; first !== undefined; first = this.#line[0]) {
      if (!this.#isClosed && !this.#hasRoomFor(first.item)) return
      this.#line.shift()
      if (!this.#isClosed) this.#push(first.item)
      first.isTaken.resolve(!this.#isClosed)
    }
  }
}
