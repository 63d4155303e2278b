import { repr } from '../../codecs/python/python-repr.ts'
import { atomOf, type Compilation, isAtom, type Node } from '../compilation/compile.ts'
import { historyOf } from '../storage/records.ts'
import type { Ledger } from './ledger/ledger.ts'
import { Lookup } from './lookup.ts'

interface TreeParts {
  readonly compilation: Compilation
  readonly ledger: Ledger
}

/** More of a tree, or of a value, would not be read. */
const MOST_LINES = 100
const LONGEST_VALUE = 300

/** Why an atom failed, as TaskFlow shows it: what came before it, most recent first, with its states and values. */
export function failureTree(name: string, parts: TreeParts): string {
  const node = parts.compilation.byName.get(name)
  if (node === undefined) return ''
  const { failure, revertFailure } = parts.ledger.of(node)
  const lookup = new Lookup(parts.compilation, parts.ledger)
  const lines: string[] = []
  const count = addLines(node, {
    lines,
    depth: 0,
    describe: (one) => described(one, parts, lookup),
  })
  const more = count > MOST_LINES ? [`  … and ${count - MOST_LINES} more`] : []
  return [
    `Atom '${name}' failed: ${failure ?? revertFailure}`,
    `${count} predecessors (most recent first):`,
    ...lines,
    ...more,
  ].join('\n')
}

interface Drawing {
  readonly lines: string[]
  readonly depth: number
  readonly describe: (node: Node) => string
}

/** Each predecessor once, by the shortest way. Without recursion, as a flow may be as deep as it is long. */
function addLines(start: Node, { lines, describe }: Drawing): number {
  const seen = new Set<Node>()
  const stack = before(start).map((node) => ({ node, depth: 0 }))
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { node, depth } = next
    if (seen.has(node)) continue
    seen.add(node)
    if (seen.size <= MOST_LINES) {
      lines.push(
        `  ${'   '.repeat(Math.max(0, depth - 1))}${depth > 0 ? '|__' : ''}${describe(node)}`,
      )
    }
    for (const other of before(node)) stack.push({ node: other, depth: depth + 1 })
  }
  return seen.size
}

/** Atoms, and flows by their entries; the ends of flows are passed through. */
function before(node: Node): Node[] {
  const found: Node[] = []
  const queue = [...node.before]
  for (const one of queue) {
    if (one.kind === 'end') queue.push(...one.before)
    else found.push(one)
  }
  return found
}

function described(node: Node, { ledger }: TreeParts, lookup: Lookup): string {
  if (!isAtom(node)) return `Flow '${node.scope.flow?.name ?? ''}'`
  const atom = atomOf(node)
  const record = ledger.of(node)
  const { state, intention, results } = record
  const attributes = [
    `'intention': '${intention}'`,
    `'state': '${state}'`,
    `'requires': ${short(requiredBy(node, lookup))}`,
    ...(state === 'PENDING' || state === 'IGNORE'
      ? []
      : [
          `'provides': ${short(record.kind === 'retry' ? historyOf(record).at(-1)?.[0] : results)}`,
        ]),
  ]
  return `Atom '${atom.name}' {${attributes.join(', ')}}`
}

function requiredBy(node: Node, lookup: Lookup): Record<string, unknown> {
  try {
    return lookup.argumentsOf(node, atomOf(node).executeBinding)
  } catch {
    return {} // a value that it lacks may be why it failed
  }
}

function short(value: unknown): string {
  const text = repr(value ?? null)
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text
}
