import type { Node } from '../compilation/compile.ts'

/** Of a neighbour: clear, not clear, or as clear as the neighbours that it has itself on that side. */
export type Clearness = 'clear' | 'held' | 'through'

/** A node on the way, and how many of its neighbours were asked. */
interface Visit {
  readonly node: Node
  asked: number
}

const HELD = Symbol('held')

/**
 * Answers, for one side of the nodes, whether all neighbours are clear. It remembers which neighbour last was not, and asks
 * from there on, so that a node with thousands of neighbours is not searched through thousands of times. Without recursion,
 * as a way through borders and ignored atoms may be as long as the flow.
 */
export class Neighbours {
  readonly #of: (node: Node) => readonly Node[]
  readonly #clearnessOf: (neighbour: Node) => Clearness
  /** By the node's index: where among its neighbours the last search stopped. */
  readonly #stoppedAt: Uint32Array
  /** Nodes whose neighbours were all clear in the present search, in which nothing becomes unclear. */
  readonly #clear = new Set<Node>()

  constructor(
    nodes: readonly Node[],
    of: (node: Node) => readonly Node[],
    clearnessOf: (neighbour: Node) => Clearness,
  ) {
    this.#of = of
    this.#clearnessOf = clearnessOf
    this.#stoppedAt = new Uint32Array(nodes.length)
  }

  areClear(node: Node): boolean {
    if (this.#clear.has(node)) return true
    const path: Visit[] = [{ node, asked: 0 }]
    for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
      const next = this.#nextOf(visit)
      if (next === HELD) return this.#stopAt(path)
      if (next !== undefined) path.push({ node: next, asked: 0 })
      else this.#leave(path)
    }
    return true
  }

  #stopAt(path: readonly Visit[]): false {
    for (const visit of path) this.#stoppedAt[visit.node.index] = this.#placeOf(visit)
    return false
  }

  /** An atom that was asked about, and not looked through, is not asked about again. */
  #leave(path: Visit[]): void {
    const node = path.pop()?.node
    if (node !== undefined && (path.length > 0 || node.atom === undefined)) this.#clear.add(node)
  }

  /** Before each search, as states have changed since. */
  forget(): void {
    if (this.#clear.size > 0) this.#clear.clear()
  }

  /** The next neighbour to look through; undefined where all are clear. */
  #nextOf(visit: Visit): Node | undefined | typeof HELD {
    const neighbours = this.#of(visit.node)
    for (; visit.asked < neighbours.length; visit.asked += 1) {
      const neighbour = neighbours[this.#placeOf(visit)]
      if (neighbour === undefined || this.#clear.has(neighbour)) continue
      const clearness = this.#clearnessOf(neighbour)
      if (clearness === 'held') return HELD
      if (clearness === 'through') return neighbour
    }
    return undefined
  }

  #placeOf({ node, asked }: Visit): number {
    return ((this.#stoppedAt[node.index] ?? 0) + asked) % this.#of(node).length
  }
}
