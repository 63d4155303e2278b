import { expect, test } from 'vitest'
import { Digraph } from '../../src/graph/digraph.ts'
import { drawMermaid } from '../../src/graph/draw-mermaid.ts'
import { drawSvg } from '../../src/graph/draw-svg.ts'
import { drawText } from '../../src/graph/draw-text.ts'
import { findCycle, layers, reachable, topologicalOrder } from '../../src/graph/walk.ts'

const label = (node: string) => node

function graphOf(...edges: readonly string[]): Digraph<string> {
  const graph = new Digraph<string>()
  for (const edge of edges) {
    const [from = '', to] = edge.split('>')
    if (to === undefined) graph.addNode(from)
    else graph.addEdge(from, to)
  }
  return graph
}

const DIAMOND = graphOf('src>left', 'src>right', 'left>sink', 'right>sink')

test('the topological order puts each node after its predecessors and else keeps the order of adding', () => {
  expect(topologicalOrder(graphOf('c>d', 'a>b', 'b>d', 'e'))).toEqual(['c', 'a', 'e', 'b', 'd'])
})

test('a graph with a cycle has no topological order, and the cycle is named in the order of its edges', () => {
  const graph = graphOf('x>a', 'a>b', 'b>c', 'c>a', 'c>d')
  expect(topologicalOrder(graph)).toBeUndefined()
  expect(findCycle(graph)).toEqual(['a', 'b', 'c'])
  expect(findCycle(DIAMOND)).toBeUndefined()
})

test('a node with an edge to itself is a cycle of one', () => {
  expect(findCycle(graphOf('a>a'))).toEqual(['a'])
})

test('reachable nodes are found in both directions', () => {
  expect([...reachable(DIAMOND, ['left'])]).toEqual(['sink'])
  expect([...reachable(DIAMOND, ['sink'], 'backward')]).toEqual(['left', 'right', 'src'])
})

test('a removed edge no longer counts', () => {
  const graph = graphOf('a>b', 'b>c')
  graph.removeEdge('a', 'b')
  graph.removeEdge('a', 'c')
  expect([graph.edgeCount, graph.hasEdge('a', 'b'), graph.sources()]).toEqual([
    1,
    false,
    ['a', 'b'],
  ])
})

test('layers follow the longest path', () => {
  expect(layers(graphOf('a>b', 'b>c', 'a>c'))).toEqual([['a'], ['b'], ['c']])
})

test('a chain of 20,000 nodes is ordered, searched for cycles and walked without filling the stack', () => {
  const graph = new Digraph<number>()
  for (let node = 0; node < 20_000; node += 1) graph.addEdge(node, node + 1)
  expect(topologicalOrder(graph)).toHaveLength(20_001)
  expect(findCycle(graph)).toBeUndefined()
  expect(reachable(graph, [0]).size).toBe(20_000)
})

test('a diamond is drawn for the terminal with a lane an edge', () => {
  expect(drawText(DIAMOND, { label })).toBe(
    ['● src', '├─╮', '● │ left', '│ ● right', '├─╯', '● sink'].join('\n'),
  )
})

test('lanes are crossed where an edge passes another', () => {
  const graph = graphOf('a>b', 'a>c', 'a>d', 'b>e', 'c>x', 'd>e', 'x>f')
  expect(drawText(graph, { label })).toBe(
    ['● a', '├─┬─╮', '● │ │ b', '│ ● │ c', '│ │ ● d', '│ ● │ x', '├─┼─╯', '● │ e', '  ● f'].join(
      '\n',
    ),
  )
})

test('control characters of labels do not reach the terminal', () => {
  expect(drawText(graphOf('a'), { label: () => 'a\u001B[31m\nb' })).toBe('● a [31m b')
})

test('an SVG has a box a node and a path an edge, and escapes its labels', () => {
  const svg = drawSvg(DIAMOND, { label: (node) => `<${node}>`, nodeClass: () => 'success' })
  expect(svg.match(/<rect/g)).toHaveLength(4)
  expect(svg.match(/class="edge"/g)).toHaveLength(4)
  expect(svg).toContain('&#60;sink&#62;')
  expect(svg).not.toContain('<sink>')
})

test('Mermaid text names nodes by number and quotes their labels', () => {
  expect(drawMermaid(graphOf('a"b>c'), { label })).toBe(
    'flowchart TD\n  n0["a#34;b"]\n  n1["c"]\n  n0 --> n1\n',
  )
})
