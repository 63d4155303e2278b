import type { Digraph } from './digraph.ts'

type Direction = 'forward' | 'backward'

/**
 * Every node after all of its predecessors, otherwise in the order in which nodes were added. Undefined where the
 * graph has a cycle: `findCycle` names one.
 */
export function topologicalOrder<Node>(graph: Digraph<Node>): Node[] | undefined {
  const waitsFor = new Map<Node, number>()
  const order: Node[] = []
  for (const node of graph.nodes()) {
    const { size } = graph.predecessors(node)
    waitsFor.set(node, size)
    if (size === 0) order.push(node)
  }
  // The array grows while it is walked: what becomes free is appended.
  for (const node of order) {
    for (const next of graph.successors(node)) {
      const left = (waitsFor.get(next) ?? 0) - 1
      waitsFor.set(next, left)
      if (left === 0) order.push(next)
    }
  }
  return order.length === graph.size ? order : undefined
}

/** The nodes of one cycle in the order of its edges; undefined where there is none. */
export function findCycle<Node>(graph: Digraph<Node>): Node[] | undefined {
  const done = new Set<Node>()
  for (const start of graph.nodes()) {
    if (done.has(start)) continue
    const cycle = cycleFrom(graph, start, done)
    if (cycle !== undefined) return cycle
  }
  return undefined
}

/** Depth first without recursion: a chain of 10,000 nodes must not fill the stack. */
function cycleFrom<Node>(graph: Digraph<Node>, start: Node, done: Set<Node>): Node[] | undefined {
  const path = [{ node: start, rest: graph.successors(start).values() }]
  const onPath = new Set([start])
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const { value: next, done: isLast } = top.rest.next()
    if (isLast === true) {
      path.pop()
      onPath.delete(top.node)
      done.add(top.node)
    } else if (onPath.has(next)) {
      const nodes = [...onPath]
      return nodes.slice(nodes.indexOf(next))
    } else if (!done.has(next)) {
      path.push({ node: next, rest: graph.successors(next).values() })
      onPath.add(next)
    }
  }
  return undefined
}

/** All nodes that can be reached from the given ones, nearest first; the given ones only where a path leads back. */
export function reachable<Node>(
  graph: Digraph<Node>,
  starts: Iterable<Node>,
  direction: Direction = 'forward',
): Set<Node> {
  const found = new Set<Node>()
  const queue = [...starts]
  for (const node of queue) {
    for (const next of neighbours(graph, node, direction)) {
      if (found.has(next)) continue
      found.add(next)
      queue.push(next)
    }
  }
  return found
}

function neighbours<Node>(
  graph: Digraph<Node>,
  node: Node,
  direction: Direction,
): ReadonlySet<Node> {
  return direction === 'forward' ? graph.successors(node) : graph.predecessors(node)
}

/** Nodes by the length of the longest path that leads to them: each layer depends on earlier layers only. */
export function layers<Node>(graph: Digraph<Node>): Node[][] {
  const order = topologicalOrder(graph)
  if (order === undefined) throw new Error('a graph with a cycle has no layers')
  const depths = new Map<Node, number>()
  const result: Node[][] = []
  for (const node of order) {
    let depth = 0
    for (const before of graph.predecessors(node)) {
      depth = Math.max(depth, (depths.get(before) ?? 0) + 1)
    }
    depths.set(node, depth)
    const layer = result[depth] ?? []
    layer.push(node)
    result[depth] = layer
  }
  return result
}
