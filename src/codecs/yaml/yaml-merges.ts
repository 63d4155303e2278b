import type * as Yaml from 'yaml'
import type { Document, Node, ParsedNode, YAMLMap } from 'yaml'
import { tooLarge } from '../limits.ts'

/** Entries that `<<` may copy: each one copies a whole object, and a short text may have thousands of them. */
const MAX_MERGED = 1_000_000

/** Refuses what would copy too much, before any of it is copied. */
export function refuseManyMerges(library: typeof Yaml, document: Document<ParsedNode>): void {
  const merges = new Merges(library)
  library.visit(document, {
    Node: (_, node) => merges.meet(node),
  })
}

class Merges {
  readonly #library: typeof Yaml
  readonly #anchored = new Map<string, Node>()
  /** Of each object: its own entries and those that are merged into it. */
  readonly #sizes = new Map<Node, number>()
  #merged = 0

  constructor(library: typeof Yaml) {
    this.#library = library
  }

  /** In the order of the text: an alias stands for the last node before it that has its name. */
  meet(node: Node): void {
    const { isAlias, isMap } = this.#library
    if (isAlias(node)) return
    const { anchor } = node as { readonly anchor?: string } // all but aliases may have one
    if (anchor !== undefined) this.#anchored.set(anchor, node)
    if (isMap(node)) this.#sizeOf(node)
  }

  #sizeOf(map: YAMLMap): number {
    const known = this.#sizes.get(map)
    if (known !== undefined) return known
    this.#sizes.set(map, map.items.length) // one that merges itself ends here
    let merged = 0
    for (const { key, value } of map.items) {
      if (this.#isMerge(key)) merged += this.#entriesOf(value)
    }
    this.#add(merged)
    this.#sizes.set(map, map.items.length + merged)
    return map.items.length + merged
  }

  #add(merged: number): void {
    this.#merged += merged
    if (this.#merged > MAX_MERGED) {
      throw tooLarge(`YAML: its << copy more than ${MAX_MERGED} entries`)
    }
  }

  #isMerge(key: unknown): boolean {
    if (!this.#library.isScalar(key)) return false
    const { value } = key
    return value === '<<' || (typeof value === 'symbol' && value.description === '<<')
  }

  /** What follows `<<`: an object, an alias of one, or a list of such. */
  #entriesOf(value: unknown): number {
    const { isAlias, isMap, isSeq } = this.#library
    if (isAlias(value)) return this.#entriesOf(this.#anchored.get(value.source))
    if (isMap(value)) return this.#sizeOf(value)
    if (!isSeq(value)) return 0
    return value.items.reduce<number>(
      (sum, item) => (isSeq(item) ? sum : sum + this.#entriesOf(item)),
      0,
    )
  }
}
