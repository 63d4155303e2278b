/** Chance that comes the same again from the same seed. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 up to, but not, 1: the mulberry32 generator. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number, both ends included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  one<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)] as Item // never called with none
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    const result = [...items]
    for (let at = result.length - 1; at > 0; at -= 1) {
      const other = this.integer(0, at)
      const item = result[at] as Item // both are within
      result[at] = result[other] as Item
      result[other] = item
    }
    return result
  }

  /** Each item one to three times, all in any order. */
  repeated<Item>(items: readonly Item[]): Item[] {
    return this.shuffled(items.flatMap((item) => Array<Item>(this.integer(1, 3)).fill(item)))
  }

  /** Cut into pieces of up to so many. */
  pieces<Item>(items: readonly Item[], longest: number): Item[][] {
    const pieces: Item[][] = []
    for (let at = 0; at < items.length; at += pieces.at(-1)?.length ?? 1) {
      pieces.push(items.slice(at, at + this.integer(1, longest)))
    }
    return pieces
  }
}
