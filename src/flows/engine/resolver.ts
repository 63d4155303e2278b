import type { Decision, Retry } from '../atoms/retry.ts'
import { atomOf, type Compilation, isAtom, type Node } from '../compilation/compile.ts'
import type { Failure } from '../failures/failure.ts'
import { InvalidState } from '../failures/flow-errors.ts'
import { historyOf } from '../storage/records.ts'
import type { Ledger } from './ledger.ts'

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

  async resolve(node: Node, failure: Failure): Promise<void> {
    const { kind, retry } = await this.#resolution(node, failure)
    if (retry === undefined) {
      for (const atom of this.#compilation.atoms) this.#ledger.setIntention(atom, 'REVERT')
      return
    }
    // The strictest answer stands: a retry that is to be reverted does not start again.
    if (kind !== 'RETRY' || this.#ledger.of(retry).intention !== 'REVERT') {
      this.#ledger.setIntention(retry, kind === 'RETRY' ? 'RETRY' : 'REVERT')
    }
    for (const atom of atomsAfter(retry)) this.#ledger.setIntention(atom, 'REVERT')
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
      record.results = [...history.slice(0, -1), [last[0], { ...last[1], [failed]: failure }]]
      this.#ledger.touch(retry)
    }
    return await this.#ask(retry, atomOf(retry) as Retry) // a node's retry is one
  }

  /** Failures whose resolution was cut off are resolved again, and restarts are finished. */
  async resume(): Promise<void> {
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
    for (const atom of atomsAfter(retry)) {
      const { state, intention } = this.#ledger.of(atom)
      if (state !== 'PENDING' || intention !== 'EXECUTE') this.#ledger.reset(atom)
    }
  }
}

function atomsAfter(start: Node): Node[] {
  const found = new Set<Node>()
  const queue = [...start.after]
  for (const node of queue) {
    if (found.has(node)) continue
    found.add(node)
    queue.push(...node.after)
  }
  return [...found].filter(isAtom)
}
