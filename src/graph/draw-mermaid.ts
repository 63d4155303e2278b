import type { Digraph } from './digraph.ts'

/** The graph in Mermaid's language, which GitHub and many wikis draw (https://mermaid.js.org/syntax/flowchart.html). */
export function drawMermaid<Node>(
  graph: Digraph<Node>,
  { label }: { readonly label: (node: Node) => string },
): string {
  const ids = new Map([...graph.nodes()].map((node, index) => [node, `n${index}`]))
  const nodes = [...ids].map(([node, id]) => `  ${id}["${quoted(label(node))}"]`)
  const edges = [...graph.edges()].map(([from, to]) => `  ${ids.get(from)} --> ${ids.get(to)}`)
  return ['flowchart TD', ...nodes, ...edges, ''].join('\n')
}

function quoted(text: string): string {
  return text.replace(/[#&<>"\n\r]/g, (letter) => `#${letter.charCodeAt(0)};`)
}
