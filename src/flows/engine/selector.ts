import type { LinkDecider } from '../patterns/flow.ts'
import { historyOf } from '../storage/records.ts'
import { atomOf, type Compilation, isAtom, type Node } from './compile.ts'
import type { Ledger } from './ledger.ts'
import { isPassed, isUndone, mayExecute, mayRevert } from './states.ts'

/**
 * Finds atoms that are ready. Each node remembers the neighbour that last kept it waiting and asks that one first, so
 * that a node with thousands of neighbours is not searched through thousands of times.
 */
export class Selector {
  readonly #compilation: Compilation
  readonly #ledger: Ledger
  readonly #heldBy = new Map<Node, Node>()
  readonly #keptBy = new Map<Node, Node>()

  constructor(compilation: Compilation, ledger: Ledger) {
    this.#compilation = compilation
    this.#ledger = ledger
  }

  /** All that is ready anywhere; deciders are asked. */
  async everywhere(): Promise<Set<Node>> {
    const ready = new Set<Node>()
    for (const node of this.#compilation.atoms) await this.#addExecutable(node, ready)
    for (const node of this.#revertable()) ready.add(node)
    return ready
  }

  /** Whether anything is ready, as far as can be said without deciders. */
  isWorkLeft(): boolean {
    return (
      this.#compilation.atoms.some((node) => this.#mayExecute(node)) ||
      !this.#revertable().next().done
    )
  }

  /** Adds what has become ready by the end of this atom. Deciders of what is ready already are not asked again. */
  async addAfter(node: Node, ready: Set<Node>): Promise<void> {
    const { state, intention } = this.#ledger.of(node)
    if (state === 'SUCCESS' && intention === 'EXECUTE') await this.#forward(node, ready)
    else if (state === 'SUCCESS' && this.#isRevertable(node)) ready.add(node)
    else if (state === 'REVERTED') this.#backward(node, ready)
    else if (state === 'FAILURE') for (const other of this.#revertable()) ready.add(other)
  }

  /** Breadth first, so that deciders of outer levels are asked before those of inner levels. */
  async #forward(start: Node, ready: Set<Node>): Promise<void> {
    const queue = new Set(start.after)
    for (const node of queue) {
      if (isAtom(node)) await this.#addExecutable(node, ready)
      const isCrossed = isAtom(node)
        ? this.#ledger.of(node).state === 'IGNORE'
        : this.#arePassed(node)
      if (isCrossed) for (const next of node.after) queue.add(next)
    }
  }

  async #addExecutable(node: Node, ready: Set<Node>): Promise<void> {
    if (ready.has(node) || !this.#mayExecute(node)) return
    if (await this.#decide(node)) ready.add(node)
  }

  #mayExecute(node: Node): boolean {
    const { kind, state, intention } = this.#ledger.of(node)
    return mayExecute(kind, state) && intention === 'EXECUTE' && this.#arePassed(node)
  }

  /** Whether all before the node is done; what was ignored is looked through. */
  #arePassed(node: Node): boolean {
    return this.#all(
      node,
      this.#heldBy,
      (one) => one.before,
      (one) => this.#isPassedThrough(one),
    )
  }

  #isPassedThrough(node: Node): boolean {
    if (!isAtom(node)) return this.#arePassed(node)
    const { state, intention } = this.#ledger.of(node)
    return isPassed(state, intention) && (state !== 'IGNORE' || this.#arePassed(node))
  }

  #backward(start: Node, ready: Set<Node>): void {
    const queue = new Set(start.before)
    for (const node of queue) {
      if (isAtom(node) && this.#isRevertable(node)) ready.add(node)
      const isCrossed = isAtom(node) ? this.#isCrossed(node) : this.#areUndone(node)
      if (isCrossed) for (const before of node.before) queue.add(before)
    }
  }

  /** A revert stops at a retry that ran: what comes before is the retry's own to release. */
  #isCrossed(node: Node): boolean {
    const { kind, state } = this.#ledger.of(node)
    return kind === 'retry' ? state === 'IGNORE' : isUndone(state)
  }

  *#revertable(): Generator<Node> {
    for (const node of this.#compilation.atoms) if (this.#isRevertable(node)) yield node
  }

  #isRevertable(node: Node): boolean {
    const { state, intention } = this.#ledger.of(node)
    return (
      mayRevert(state) && (intention === 'REVERT' || intention === 'RETRY') && this.#areUndone(node)
    )
  }

  /** Whether all after the node is out of the way. */
  #areUndone(node: Node): boolean {
    return this.#all(
      node,
      this.#keptBy,
      (one) => one.after,
      (one) => this.#isUndoneThrough(one),
    )
  }

  #isUndoneThrough(node: Node): boolean {
    if (!isAtom(node)) return this.#areUndone(node)
    const { state } = this.#ledger.of(node)
    return isUndone(state) && (state !== 'IGNORE' || this.#areUndone(node))
  }

  #all(
    node: Node,
    culprits: Map<Node, Node>,
    neighbours: (node: Node) => readonly Node[],
    isClear: (node: Node) => boolean,
  ): boolean {
    const last = culprits.get(node)
    if (last !== undefined && !isClear(last)) return false
    for (const neighbour of neighbours(node)) {
      if (neighbour === last || isClear(neighbour)) continue
      culprits.set(node, neighbour)
      return false
    }
    culprits.delete(node)
    return true
  }

  /** Asks the deciders of all links that lead to the atom; one no is enough. */
  async #decide(node: Node): Promise<boolean> {
    const links = [...linksTo(node)]
    if (links.length === 0) return true
    const history = this.#historyOf(links)
    const no: LinkDecider[] = []
    for (const { from, decider } of links) {
      if (isAtom(from) && !Object.hasOwn(history, atomOf(from).name)) continue
      if (!(await decider.decide({ ...history }))) no.push(decider)
    }
    if (no.length === 0) return true
    const [widest] = no.map(({ depth }) => depth).sort((a, b) => WIDTH[b] - WIDTH[a])
    for (const ignored of ignoredBy(node, widest ?? 'ALL')) {
      this.#ledger.setIntention(ignored, 'IGNORE')
      this.#ledger.changeState(ignored, 'IGNORE')
    }
    return false
  }

  /** The results of the sources that were not ignored. */
  #historyOf(links: readonly DecidedLink[]): Record<string, unknown> {
    const history: Record<string, unknown> = {}
    for (const { from } of links) {
      if (!isAtom(from)) continue
      const record = this.#ledger.of(from)
      if (record.state === 'IGNORE') continue
      history[record.name] = record.kind === 'task' ? record.results : historyOf(record).at(-1)?.[0]
    }
    return history
  }
}

const WIDTH = { ALL: 3, FLOW: 2, NEIGHBORS: 1, ATOM: 0 } as const

interface DecidedLink {
  readonly from: Node
  readonly decider: LinkDecider
}

/** Links to the atom itself and to the flows that begin with it. */
function* linksTo(atom: Node): Generator<DecidedLink> {
  const queue = [atom]
  const seen = new Set(queue)
  for (const node of queue) {
    for (const [from, decider] of node.deciders) yield { from, decider }
    for (const before of node.before) {
      if (before.kind !== 'entry' || seen.has(before)) continue
      seen.add(before)
      queue.push(before)
    }
  }
}

function ignoredBy(node: Node, depth: LinkDecider['depth']): readonly Node[] {
  if (depth === 'ATOM') return [node]
  if (depth === 'NEIGHBORS') return [node, ...node.after.filter(({ kind }) => kind === 'task')]
  const isCrossed =
    depth === 'ALL' ? () => true : (other: Node) => other === node || other.kind === 'task'
  const found = new Set([node])
  for (const one of found) {
    if (!isCrossed(one)) continue
    for (const next of one.after) found.add(next)
  }
  return [...found].filter(isAtom)
}
