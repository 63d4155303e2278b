import type { Digraph } from './digraph.ts'
import { layers } from './walk.ts'

interface DrawSvgOptions<Node> {
  readonly label: (node: Node) => string
  readonly title?: string
  /** A CSS class of the node's box, e.g. its state in lower case. */
  readonly nodeClass?: (node: Node) => string | undefined
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
}

const BOX_HEIGHT = 32
const GAP_X = 24
const GAP_Y = 40
const MARGIN = 16
const LETTER_WIDTH = 8
const PADDING = 24

const STYLE = `
  .node rect { fill: #f6f8fa; stroke: #57606a; rx: 6 }
  .node text { font: 13px ui-monospace, monospace; fill: #1f2328; text-anchor: middle; dominant-baseline: central }
  .edge { fill: none; stroke: #57606a; marker-end: url(#arrow) }
  @media (prefers-color-scheme: dark) {
    .node rect { fill: #161b22; stroke: #8b949e } .node text { fill: #e6edf3 } .edge { stroke: #8b949e }
  }`

/** The graph as an SVG picture, layer below layer. All text is escaped. */
export function drawSvg<Node>(graph: Digraph<Node>, options: DrawSvgOptions<Node>): string {
  const { boxes, width, height } = place(graph, options.label)
  const edges = [...graph.edges()].map(([from, to]) => edgePath(boxes.get(from), boxes.get(to)))
  const nodes = [...boxes].map(([node, box]) => nodeBox(node, box, options))
  const title = options.title === undefined ? '' : `<title>${escapeXml(options.title)}</title>\n`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
${title}<style>${STYLE}</style>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#57606a"/></marker></defs>
${[...edges, ...nodes].join('\n')}
</svg>
`
}

function place<Node>(
  graph: Digraph<Node>,
  label: (node: Node) => string,
): { readonly boxes: Map<Node, Box>; readonly width: number; readonly height: number } {
  const rows = ordered(graph, layers(graph))
  const widths = rows.map((row) =>
    row.map((node) => [...label(node)].length * LETTER_WIDTH + PADDING),
  )
  const rowWidths = widths.map((row) => row.reduce((sum, width) => sum + width + GAP_X, -GAP_X))
  const widest = rowWidths.reduce((most, width) => Math.max(most, width), 0)
  const boxes = new Map<Node, Box>()
  for (const [depth, row] of rows.entries()) {
    let x = MARGIN + (widest - (rowWidths[depth] ?? 0)) / 2
    for (const [index, node] of row.entries()) {
      const width = widths[depth]?.[index] ?? 0
      boxes.set(node, { x, y: MARGIN + depth * (BOX_HEIGHT + GAP_Y), width })
      x += width + GAP_X
    }
  }
  const height = 2 * MARGIN + Math.max(0, rows.length * (BOX_HEIGHT + GAP_Y) - GAP_Y)
  return { boxes, width: widest + 2 * MARGIN, height }
}

/** Each layer sorted by where its predecessors stand, so that fewer edges cross. */
function ordered<Node>(graph: Digraph<Node>, rows: readonly Node[][]): Node[][] {
  const positions = new Map<Node, number>()
  return rows.map((row) => {
    const centres = new Map(
      row.map((node, index) => [node, centreOf(graph, node, positions) ?? index]),
    )
    const sorted = [...row].sort((a, b) => (centres.get(a) ?? 0) - (centres.get(b) ?? 0))
    for (const [index, node] of sorted.entries()) positions.set(node, index)
    return sorted
  })
}

function centreOf<Node>(
  graph: Digraph<Node>,
  node: Node,
  positions: ReadonlyMap<Node, number>,
): number | undefined {
  const before = [...graph.predecessors(node)]
  if (before.length === 0) return undefined
  return before.reduce((sum, other) => sum + (positions.get(other) ?? 0), 0) / before.length
}

function edgePath(from: Box | undefined, to: Box | undefined): string {
  if (from === undefined || to === undefined) return ''
  const [x1, y1] = [from.x + from.width / 2, from.y + BOX_HEIGHT]
  const [x2, y2] = [to.x + to.width / 2, to.y]
  const middle = (y1 + y2) / 2
  return `<path class="edge" d="M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}"/>`
}

function nodeBox<Node>(node: Node, box: Box, options: DrawSvgOptions<Node>): string {
  const name = options.nodeClass?.(node)
  const classes = name === undefined ? 'node' : `node ${escapeXml(name)}`
  const [x, y] = [box.x + box.width / 2, box.y + BOX_HEIGHT / 2]
  return (
    `<g class="${classes}"><rect x="${box.x}" y="${box.y}" width="${box.width}" height="${BOX_HEIGHT}"/>` +
    `<text x="${x}" y="${y}">${escapeXml(options.label(node))}</text></g>`
  )
}

function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML knows none of them
      .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/g, '\uFFFD')
      .replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
  )
}
