import { DEFAULT_LIMITS } from './limits.ts'

/** Thrown where a value holds more values than a body may; the encoder then says what it was. */
export const TOO_MANY = new Error('a value holds too many values')

/**
 * Counts the values that an encoder writes, as those of a body are counted that is read: a value that holds another twice is
 * written twice, and a few of them that do so hold more than any machine can write.
 */
export class EncodeNodes {
  readonly #root: unknown
  readonly #maxNodes: number
  #left: number
  #isChecked = false

  constructor(root: unknown, maxNodes = DEFAULT_LIMITS.maxNodes) {
    this.#root = root
    this.#maxNodes = maxNodes
    this.#left = maxNodes
  }

  /** Before they are looked at: a sparse list may say that it holds four thousand million. */
  take(count: number): void {
    this.#left -= count
    if (this.#left < 0) throw TOO_MANY
    if (!this.#isChecked && this.#maxNodes - this.#left > MANY) {
      this.#isChecked = true
      if (new Sharing().nodesOf(this.#root, 0) > this.#maxNodes) throw TOO_MANY
    }
  }
}

/** So many values are written in little time: from here on a closer look is worth its time. */
const MANY = 100_000
const MOST_LISTS = 100_000
const DEEPEST = 900

/** Counts what a few lists and dicts that hold each other hold together, without a look at any of them twice. */
class Sharing {
  readonly #known = new Map<object, number>()

  nodesOf(value: unknown, depth: number): number {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return 0
    const known = this.#known.get(value)
    if (known !== undefined) return known
    if (this.#known.size >= MOST_LISTS || depth > DEEPEST) return 0
    this.#known.set(value, 0)
    const inner = innerOf(value)
    let nodes = inner.length
    for (const item of inner) nodes += this.nodesOf(item, depth + 1)
    this.#known.set(value, nodes)
    return nodes
  }
}

function innerOf(value: object): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (value instanceof Map || value instanceof Set) return [...value.values()]
  return 'toJSON' in value ? [] : Object.values(value)
}
