import { atomOf, type Compilation, isAtom, type Node } from '../compilation/compile.ts'
import type { LinkDecider } from '../patterns/flow.ts'
import { historyOf } from '../storage/records.ts'
import type { Ledger } from './ledger/ledger.ts'
import { type Clearness, Neighbours } from './neighbours.ts'
import { isPassed, isUndone, mayExecute, mayRevert } from './states.ts'

/** Finds atoms that are ready. */
export class Selector {
  readonly #compilation: Compilation
  readonly #ledger: Ledger
  readonly #before: Neighbours
  readonly #after: Neighbours
  readonly #hasDeciders: boolean
  /** Borders of flows that the present search has crossed, on its way forward and backward. */
  readonly #crossed = new Set<Node>()
  readonly #crossedBack = new Set<Node>()

  constructor(compilation: Compilation, ledger: Ledger) {
    const { nodes } = compilation
    this.#compilation = compilation
    this.#ledger = ledger
    this.#hasDeciders = nodes.some(({ deciders }) => deciders !== undefined)
    this.#before = new Neighbours(
      nodes,
      (node) => node.before,
      (node) => this.#passageBefore(node),
    )
    this.#after = new Neighbours(
      nodes,
      (node) => node.after,
      (node) => this.#passageAfter(node),
    )
  }

  /** All that is ready anywhere; deciders are asked. */
  async everywhere(): Promise<Set<Node>> {
    this.#forget()
    const ready = new Set<Node>()
    for (const node of this.#compilation.atoms) await this.#addExecutable(node, ready)
    for (const node of this.#revertable()) ready.add(node)
    return ready
  }

  /** Whether anything is ready, as far as can be said without deciders. */
  isWorkLeft(): boolean {
    this.#forget()
    return (
      this.#compilation.atoms.some((node) => this.#mayExecute(node)) ||
      !this.#revertable().next().done
    )
  }

  /** Adds what has become ready by the end of these atoms. Deciders of what is ready already are not asked again. */
  async addAfter(nodes: readonly Node[], ready: Set<Node>): Promise<void> {
    this.#forget()
    for (const node of nodes) await this.#addAfter(node, ready)
    const hasFailed = nodes.some((node) => this.#ledger.of(node).state === 'FAILURE')
    if (hasFailed) for (const other of this.#revertable()) ready.add(other)
  }

  async #addAfter(node: Node, ready: Set<Node>): Promise<void> {
    const { state, intention } = this.#ledger.of(node)
    if (state === 'SUCCESS' && intention === 'EXECUTE') await this.#forward(node, ready)
    else if (state === 'SUCCESS' && this.#isRevertable(node)) ready.add(node)
    else if (state === 'REVERTED') this.#backward(node, ready)
  }

  /** Before each search. */
  #forget(): void {
    if (this.#crossed.size > 0) this.#crossed.clear()
    if (this.#crossedBack.size > 0) this.#crossedBack.clear()
    this.#before.forget()
    this.#after.forget()
  }

  /** Breadth first, so that deciders of outer levels are asked before those of inner levels. */
  async #forward(start: Node, ready: Set<Node>): Promise<void> {
    const queue = new Set(start.after)
    for (const node of queue) {
      if (isAtom(node)) await this.#addExecutable(node, ready)
      if (this.#isOpen(node)) for (const next of node.after) queue.add(next)
    }
  }

  /** A border is crossed once a search: all before it was done then. */
  #isOpen(node: Node): boolean {
    if (isAtom(node)) return this.#ledger.of(node).state === 'IGNORE'
    if (this.#crossed.has(node) || !this.#before.areClear(node)) return false
    this.#crossed.add(node)
    return true
  }

  async #addExecutable(node: Node, ready: Set<Node>): Promise<void> {
    if (ready.has(node) || !this.#mayExecute(node)) return
    if (await this.#decide(node)) ready.add(node)
  }

  #mayExecute(node: Node): boolean {
    const { kind, state, intention } = this.#ledger.of(node)
    return mayExecute(kind, state) && intention === 'EXECUTE' && this.#before.areClear(node)
  }

  /** Borders and what was ignored are looked through. */
  #passageBefore(node: Node): Clearness {
    if (!isAtom(node)) return 'through'
    const { state, intention } = this.#ledger.of(node)
    if (!isPassed(state, intention)) return 'held'
    return state === 'IGNORE' ? 'through' : 'clear'
  }

  #backward(start: Node, ready: Set<Node>): void {
    const queue = new Set(start.before)
    for (const node of queue) {
      if (isAtom(node) && this.#isRevertable(node)) ready.add(node)
      if (this.#isOpenBackward(node)) for (const before of node.before) queue.add(before)
    }
  }

  /** A revert stops at a retry that ran: what comes before is the retry's own to release. */
  #isOpenBackward(node: Node): boolean {
    if (isAtom(node)) {
      const { kind, state } = this.#ledger.of(node)
      return kind === 'retry' ? state === 'IGNORE' : isUndone(state)
    }
    if (this.#crossedBack.has(node) || !this.#after.areClear(node)) return false
    this.#crossedBack.add(node)
    return true
  }

  *#revertable(): Generator<Node> {
    for (const node of this.#compilation.atoms) if (this.#isRevertable(node)) yield node
  }

  #isRevertable(node: Node): boolean {
    const { state, intention } = this.#ledger.of(node)
    return (
      mayRevert(state) &&
      (intention === 'REVERT' || intention === 'RETRY') &&
      this.#after.areClear(node)
    )
  }

  #passageAfter(node: Node): Clearness {
    if (!isAtom(node)) return 'through'
    const { state } = this.#ledger.of(node)
    if (!isUndone(state)) return 'held'
    return state === 'IGNORE' ? 'through' : 'clear'
  }

  /** Asks the deciders of all links that lead to the atom; one no is enough. */
  async #decide(node: Node): Promise<boolean> {
    if (!this.#hasDeciders) return true
    const links = [...linksTo(node)]
    if (links.length === 0) return true
    // The deciders of an atom share it, as in TaskFlow.
    const history = this.#historyOf(links)
    const no: LinkDecider[] = []
    for (const { from, decider } of links) {
      if (isAtom(from) && !Object.hasOwn(history, atomOf(from).name)) continue
      if (!(await decider.decide(history))) no.push(decider)
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
    for (const [from, decider] of node.deciders ?? []) yield { from, decider }
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
