import { countText } from '../../count-text.ts'
import { Flow, type Item } from '../patterns/flow.ts'
import { type AtomRecord, INJECTOR, type StoredFlow } from './records.ts'

/** Which flow has which atoms, in the order of their declaration. It is kept with a run, whose rows tell nothing of it. */
export interface Outline {
  readonly flow: string
  readonly pattern: string
  readonly retry?: string
  readonly items: readonly (string | Outline)[]
}

export function outlineOf(root: Item): Outline {
  if (!(root instanceof Flow)) return { flow: root.name, pattern: 'task', items: [root.name] }
  const { name, pattern, retry, items } = root
  return {
    flow: name,
    pattern,
    ...(retry !== undefined && { retry: retry.name }),
    items: items.map((item) => (item instanceof Flow ? outlineOf(item) : item.name)),
  }
}

/** The run as a tree of its flows and atoms, with the states of the atoms and what failed, a line each. */
export function drawRun({ flow, atoms }: StoredFlow): string {
  const records = new Map(atoms.map((atom) => [atom.name, atom]))
  const outline = records.get(INJECTOR)?.meta.outline as Outline | undefined // the engine wrote it
  const known = outline ?? { flow: flow.name, pattern: 'linear', items: namesOf(atoms) }
  return branchesOf(known, { records, indent: '' }).join('\n')
}

interface Drawing {
  readonly records: ReadonlyMap<string, AtomRecord>
  readonly indent: string
}

function branchesOf({ retry, items }: Outline, { records, indent }: Drawing): string[] {
  const all = retry === undefined ? items : [retry, ...items]
  return all.flatMap((item, index) => {
    const isLast = index === all.length - 1
    const branch = `${indent}${isLast ? '└─' : '├─'} `
    if (typeof item === 'string') return [branch + described(item, records.get(item))]
    const inside = { records, indent: `${indent}${isLast ? '   ' : '│  '}` }
    return [`${branch}${item.flow} (${item.pattern})`, ...branchesOf(item, inside)]
  })
}

function described(name: string, record: AtomRecord | undefined): string {
  if (record === undefined) return `${name}  PENDING`
  const { kind, state, intention, failure, revertFailure, meta, results } = record
  const error = revertFailure ?? failure
  return [
    kind === 'retry' ? `${name} (retry, ${attemptsOf(results)})` : name,
    UNDECIDED.has(state) && intention !== 'EXECUTE' ? `${state}, to ${intention}` : state,
    ...(error === null ? [] : [String(error)]),
    ...(typeof meta.notBefore === 'number' && state === 'PENDING'
      ? [`not before ${new Date(meta.notBefore).toISOString()}`]
      : []),
  ].join('  ')
}

/** What is to become of the atom is not seen by its state. */
const UNDECIDED: ReadonlySet<string> = new Set(['RUNNING', 'SUCCESS', 'FAILURE'])

function attemptsOf(history: unknown): string {
  const count = Array.isArray(history) ? history.length : 0
  return countText(count, 'attempt')
}

function namesOf(atoms: readonly AtomRecord[]): string[] {
  return atoms.map(({ name }) => name).filter((name) => name !== INJECTOR)
}
