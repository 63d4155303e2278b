import type { Node } from './compile.ts'

/**
 * Answers, for one side of the nodes, whether all neighbours are clear. It remembers which neighbour last was not, and asks
 * from there on, so that a node with thousands of neighbours is not searched through thousands of times.
 */
export class Neighbours {
  readonly #of: (node: Node) => readonly Node[]
  readonly #isClear: (neighbour: Node) => boolean
  /** By the node's index: where among its neighbours the last search stopped. */
  readonly #stoppedAt: Uint32Array
  /** Borders of flows whose neighbours were all clear in the present search, in which nothing becomes unclear. */
  readonly #clear = new Set<Node>()

  constructor(
    nodes: readonly Node[],
    of: (node: Node) => readonly Node[],
    isClear: (neighbour: Node) => boolean,
  ) {
    this.#of = of
    this.#isClear = isClear
    this.#stoppedAt = new Uint32Array(nodes.length)
  }

  areClear(node: Node): boolean {
    if (this.#clear.has(node)) return true
    const neighbours = this.#of(node)
    const start = this.#stoppedAt[node.index] ?? 0
    for (let asked = 0; asked < neighbours.length; asked += 1) {
      const at = (start + asked) % neighbours.length
      const neighbour = neighbours[at]
      if (neighbour === undefined || this.#isClear(neighbour)) continue
      this.#stoppedAt[node.index] = at
      return false
    }
    if (node.atom === undefined) this.#clear.add(node)
    return true
  }

  /** Before each search, as states have changed since. */
  forget(): void {
    if (this.#clear.size > 0) this.#clear.clear()
  }
}
