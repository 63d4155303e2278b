/** A directed graph of any values. Nodes and edges keep the order in which they were added. */
export class Digraph<Node> {
  readonly #successors = new Map<Node, Set<Node>>()
  readonly #predecessors = new Map<Node, Set<Node>>()
  #edgeCount = 0

  get size(): number {
    return this.#successors.size
  }

  get edgeCount(): number {
    return this.#edgeCount
  }

  addNode(node: Node): this {
    if (!this.#successors.has(node)) {
      this.#successors.set(node, new Set())
      this.#predecessors.set(node, new Set())
    }
    return this
  }

  /** Adds both ends where they are missing; a second edge between the same two changes nothing. */
  addEdge(from: Node, to: Node): this {
    this.addNode(from).addNode(to)
    if (this.hasEdge(from, to)) return this
    this.#successors.get(from)?.add(to)
    this.#predecessors.get(to)?.add(from)
    this.#edgeCount += 1
    return this
  }

  removeEdge(from: Node, to: Node): void {
    if (this.#successors.get(from)?.delete(to) !== true) return
    this.#predecessors.get(to)?.delete(from)
    this.#edgeCount -= 1
  }

  has(node: Node): boolean {
    return this.#successors.has(node)
  }

  hasEdge(from: Node, to: Node): boolean {
    return this.#successors.get(from)?.has(to) === true
  }

  nodes(): IterableIterator<Node> {
    return this.#successors.keys()
  }

  *edges(): Generator<readonly [from: Node, to: Node]> {
    for (const [from, successors] of this.#successors) {
      for (const to of successors) yield [from, to]
    }
  }

  successors(node: Node): ReadonlySet<Node> {
    return this.#successors.get(node) ?? new Set()
  }

  predecessors(node: Node): ReadonlySet<Node> {
    return this.#predecessors.get(node) ?? new Set()
  }

  sources(): Node[] {
    return [...this.nodes()].filter((node) => this.predecessors(node).size === 0)
  }

  sinks(): Node[] {
    return [...this.nodes()].filter((node) => this.successors(node).size === 0)
  }
}
