import type { Decision, Retry } from '../atoms/retry.ts'
import { atomOf, type Compilation, isAtom, type Node } from '../compilation/compile.ts'
import type { Failure } from '../failures/failure.ts'
import { InvalidState } from '../failures/flow-errors.ts'
import { historyOf } from '../storage/records.ts'
import type { Ledger } from './ledger/ledger.ts'

/** How a retry is asked; the engine gives it its arguments. */
type AskRetry = (node: Node, retry: Retry) => Promise<Decision>

type Resolution = { readonly kind: Decision; readonly retry: Node | undefined }

const WHOLE_FLOW: Resolution = { kind: 'REVERT_ALL', retry: undefined }

/** Decides what becomes of a flow when an atom fails: asks retries from the inside out, then sets intentions. */
export class Resolver {
  readonly #compilation: Compilation
  readonly #ledger: Ledger
  readonly #ask: AskRetry
  readonly #defersReverts: boolean
  /** Of the failures that are resolved together: the flows that are reverted already, and what was noted in histories. */
  #reverted = new Set<Node | undefined>()
  #noted = new Map<Node, Record<string, Failure>>()
  /** Many failures in a row are those of one retry. */
  #lastAfter: { readonly retry: Node; readonly atoms: readonly Node[] } | undefined

  constructor(
    compilation: Compilation,
    ledger: Ledger,
    options: { readonly ask: AskRetry; readonly defersReverts: boolean },
  ) {
    this.#compilation = compilation
    this.#ledger = ledger
    this.#ask = options.ask
    this.#defersReverts = options.defersReverts
  }

  /** Begins to resolve failures that came together: what all of them ask for is done once. */
  begin(): void {
    this.#reverted.clear()
    this.#noted.clear()
  }

  async resolve(node: Node, failure: Failure): Promise<void> {
    const { kind, retry } = await this.#resolution(node, failure)
    if (retry === undefined) {
      this.#revert(undefined, this.#compilation.atoms)
      return
    }
    // The strictest answer stands: a retry that is to be reverted does not start again.
    if (kind !== 'RETRY' || this.#ledger.of(retry).intention !== 'REVERT') {
      this.#ledger.setIntention(retry, kind === 'RETRY' ? 'RETRY' : 'REVERT')
    }
    this.#revert(retry, this.#atomsAfter(retry))
  }

  #revert(retry: Node | undefined, atoms: readonly Node[]): void {
    if (this.#reverted.has(retry)) return
    this.#reverted.add(retry)
    for (const atom of atoms) this.#ledger.setIntention(atom, 'REVERT')
  }

  async #resolution(node: Node, failure: Failure): Promise<Resolution> {
    const { retry } = node
    if (retry === undefined) return WHOLE_FLOW
    const decision = await this.#decisionOf(retry, atomOf(node).name, failure)
    if (decision === 'RETRY') return { kind: 'RETRY', retry }
    if (decision === 'REVERT_ALL') return { kind: 'REVERT_ALL', retry: undefined }
    if (decision !== 'REVERT') {
      throw new InvalidState(
        `retry "${atomOf(retry).name}" answered ${String(decision)}, expected RETRY, REVERT or REVERT_ALL`,
      )
    }
    const outer = await this.#resolution(retry, failure)
    if (this.#defersReverts) return outer
    return outer !== WHOLE_FLOW && outer.kind !== 'REVERT' ? outer : { kind: 'REVERT', retry }
  }

  /** A retry that a decider ignored has no attempt to repeat. */
  async #decisionOf(retry: Node, failed: string, failure: Failure): Promise<Decision> {
    const record = this.#ledger.of(retry)
    if (record.state === 'IGNORE') return 'REVERT'
    const history = historyOf(record)
    const last = history.at(-1)
    if (last !== undefined && !Object.hasOwn(last[1], failed)) {
      const noted = this.#noted.get(retry) ?? { ...last[1] }
      noted[failed] = failure
      this.#noted.set(retry, noted)
      record.results = [...history.slice(0, -1), [last[0], noted]]
      this.#ledger.touch(retry)
    }
    return await this.#ask(retry, atomOf(retry) as Retry) // a node's retry is one
  }

  /** Failures whose resolution was cut off are resolved again, and restarts are finished. */
  async resume(): Promise<void> {
    this.begin()
    for (const node of this.#compilation.atoms) {
      const { state, failure } = this.#ledger.of(node)
      if (state === 'FAILURE' && failure !== null) await this.resolve(node, failure)
    }
    for (const node of this.#compilation.atoms) {
      if (this.#ledger.of(node).state === 'RETRYING') this.restart(node)
    }
  }

  /** Puts a retry's flow back to its start; the retry itself runs next. */
  restart(retry: Node): void {
    this.#ledger.changeState(retry, 'RETRYING')
    this.#ledger.setIntention(retry, 'EXECUTE')
    for (const atom of this.#atomsAfter(retry)) {
      const { state, intention } = this.#ledger.of(atom)
      if (state !== 'PENDING' || intention !== 'EXECUTE') this.#ledger.reset(atom)
    }
  }

  #atomsAfter(retry: Node): readonly Node[] {
    if (this.#lastAfter?.retry !== retry) this.#lastAfter = { retry, atoms: atomsAfter(retry) }
    return this.#lastAfter.atoms
  }
}

function atomsAfter(start: Node): Node[] {
  // What is added to a set while it is walked through is visited, too.
  const found = new Set(start.after)
  for (const node of found) for (const next of node.after) found.add(next)
  return [...found].filter(isAtom)
}
