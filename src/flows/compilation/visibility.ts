import type { Flow, Item } from '../patterns/flow.ts'
import type { Node, Scope } from './compile.ts'

/**
 * Whether one atom always runs before another, by the innermost flow that has both: its retry comes before all, items by
 * their edges.
 */
export function precedes(one: Node, other: Node): boolean {
  const [mine, its] = meet(placeOf(one), placeOf(other))
  if (its?.item === undefined) return false
  const { flow } = mine.scope
  if (mine.item === undefined) return true
  if (flow === undefined) return false
  if (flow.pattern === 'linear') return one.position < other.position
  if (flow.pattern === 'unordered') return false
  return flow.edges.hasEdge(mine.item, its.item) || leadsTo(flow, mine.item, its.item)
}

/** An item in a flow; a flow's retry has no item. */
interface Place {
  readonly scope: Scope
  readonly item: Item | undefined
}

function placeOf(node: Node): Place {
  return { scope: node.scope, item: node.kind === 'task' ? (node.atom as Item) : undefined }
}

function meet(one: Place, other: Place): readonly [Place, Place | undefined] {
  let [a, b]: [Place, Place] = [one, other]
  while (a.scope !== b.scope) {
    if (a.scope.depth >= b.scope.depth) {
      const up = outer(a)
      if (up === undefined) return [a, undefined]
      a = up
    } else {
      const up = outer(b)
      if (up === undefined) return [a, undefined]
      b = up
    }
  }
  return [a, b]
}

function outer({ scope }: Place): Place | undefined {
  return scope.parent === undefined ? undefined : { scope: scope.parent, item: scope.item }
}

const ancestors = new WeakMap<Flow, Map<Item, Set<Item>>>()

function leadsTo(flow: Flow, from: Item, to: Item): boolean {
  if (flow.edges.edgeCount === 0) return false
  const ofFlow = ancestors.get(flow) ?? new Map<Item, Set<Item>>()
  ancestors.set(flow, ofFlow)
  let found = ofFlow.get(to)
  if (found === undefined) {
    found = new Set()
    const queue = [to]
    for (const item of queue) {
      for (const before of flow.edges.predecessors(item)) {
        if (found.has(before)) continue
        found.add(before)
        queue.push(before)
      }
    }
    ofFlow.set(to, found)
  }
  return found.has(from)
}
