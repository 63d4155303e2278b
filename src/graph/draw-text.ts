import type { Digraph } from './digraph.ts'
import { topologicalOrder } from './walk.ts'

interface DrawTextOptions<Node> {
  readonly label: (node: Node) => string
}

/**
 * The graph for a terminal, a line a node, with lanes between them as `git log --graph` draws them:
 *
 *     ● fetch
 *     ├─╮
 *     ● │ thumb
 *     │ ● stats
 *     ├─╯
 *     ● notify
 */
export function drawText<Node>(graph: Digraph<Node>, { label }: DrawTextOptions<Node>): string {
  const order = topologicalOrder(graph)
  if (order === undefined) throw new Error('a graph with a cycle cannot be drawn')
  const lanes = new Lanes<Node>()
  const lines: string[] = []
  for (const node of order) {
    const { lane, joined } = lanes.arrive(node)
    if (joined.length > 0) lines.push(lanes.joint(lane, joined, ['┴', '╯']))
    lanes.close(joined)
    lines.push(`${lanes.row(lane)} ${oneLine(label(node))}`)
    const opened = lanes.leave(lane, [...graph.successors(node)])
    if (opened.length > 0) lines.push(lanes.joint(lane, opened, ['┬', '╮']))
  }
  return lines.join('\n')
}

/** Each lane is an edge on its way down to the node that it holds. */
class Lanes<Node> {
  readonly #targets: (Node | undefined)[] = []

  /** The lane of a node, and the others that end in it. */
  arrive(node: Node): { readonly lane: number; readonly joined: readonly number[] } {
    const [lane = this.#open(node), ...joined] = this.#targets.flatMap((target, index) =>
      target === node ? [index] : [],
    )
    return { lane, joined }
  }

  close(lanes: readonly number[]): void {
    for (const lane of lanes) this.#targets[lane] = undefined
  }

  /** The first successor goes straight down, the others get lanes of their own, which are answered. */
  leave(lane: number, [first, ...others]: readonly Node[]): number[] {
    this.#targets[lane] = first
    return others.map((other) => this.#open(other))
  }

  row(at: number): string {
    return this.#cells((index) => (index === at ? '●' : this.#vertical(index)))
  }

  /** A line from a lane to others, right or left of it. */
  joint(lane: number, others: readonly number[], [middle, end]: readonly [string, string]): string {
    const first = Math.min(lane, ...others)
    const last = Math.max(lane, ...others)
    // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one line a case
    const cell = (index: number): string => {
      if (index < first || index > last) return this.#vertical(index)
      const isLast = index === last
      if (index === lane) return isLast ? '┤' : '├'
      if (others.includes(index)) return isLast ? end : middle
      return this.#targets[index] === undefined ? '─' : '┼'
    }
    return this.#cells(cell, (index) => index >= first && index < last)
  }

  #cells(cell: (index: number) => string, isJoined = (_index: number) => false): string {
    return this.#targets
      .map((_, index) => cell(index) + (isJoined(index) ? '─' : ' '))
      .join('')
      .trimEnd()
  }

  #vertical(index: number): string {
    return this.#targets[index] === undefined ? ' ' : '│'
  }

  #open(node: Node): number {
    const free = this.#targets.indexOf(undefined)
    const lane = free === -1 ? this.#targets.length : free
    this.#targets[lane] = node
    return lane
  }
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these would steer the terminal
  return text.replace(/[\u0000-\u001F\u007F-\u009F]+/g, ' ')
}
