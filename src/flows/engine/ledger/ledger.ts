import { atomOf, type Compilation, type Node } from '../../compilation/compile.ts'
import { Failure } from '../../failures/failure.ts'
import { NotFound } from '../../failures/flow-errors.ts'
import type { UsedSignal } from '../../storage/flow-store.ts'
import type { Outline } from '../../storage/outline.ts'
import {
  type AtomRecord,
  type FlowRecord,
  historyOf,
  INJECTOR,
  newId,
  type StoredFlow,
} from '../../storage/records.ts'
import { type AtomState, changesFlow, type FlowState, type Intention } from '../states.ts'
import { type TransitionOptions, Transitions } from './transitions.ts'

interface LedgerOptions extends TransitionOptions {
  readonly compilation: Compilation
  /** Where runs are kept: what is said of an atom that failed, for those who look at the run. */
  readonly explain?: ((name: string) => string) | undefined
}

/**
 * The records of a run. Changes gather until `flush` stores them as one transition, and only then notifies listeners: what
 * they hear of is safe.
 */
export class Ledger {
  readonly flow: FlowRecord
  readonly #options: LedgerOptions
  readonly #records: AtomRecord[] = []
  /** Records that no atom of this flow has any more, and the values given to the run. */
  readonly #others = new Map<string, AtomRecord>()
  readonly #transitions: Transitions
  #failures: Readonly<Record<string, Failure>> | undefined

  constructor(flow: FlowRecord, stored: StoredFlow | undefined, options: LedgerOptions) {
    this.flow = flow
    this.#options = options
    this.#transitions = new Transitions(flow, { ...options, isNew: stored === undefined })
    for (const atom of stored?.atoms ?? []) this.#others.set(atom.name, atom)
    for (const node of options.compilation.atoms) {
      const { name, version } = atomOf(node)
      const kind = atomOf(node).kind
      const known = this.#others.get(name)
      this.#others.delete(name)
      const record = known?.kind === kind ? known : newRecord(name, kind, version)
      this.#records[node.index] = record
      if (record !== known) this.#transitions.changeAtom(record)
    }
  }

  /** Names of stored atoms that the flow lacks now. */
  get missing(): string[] {
    return [...this.#others.keys()].filter((name) => name !== INJECTOR)
  }

  of(node: Node): AtomRecord {
    const record = this.#records[node.index]
    if (record === undefined) throw new NotFound(`no record of atom "${node.atom?.name}"`)
    return record
  }

  /** The values that the run was given, now or when it was first stored. */
  get values(): Readonly<Record<string, unknown>> {
    return (this.#others.get(INJECTOR)?.results ?? {}) as Record<string, unknown>
  }

  /** The id of the attempt at the atom before this one, so that the record shows steps as a chain. */
  attemptBefore(node: Node): string | undefined {
    const queue = [...node.before]
    for (const one of queue) {
      if (one.atom === undefined) queue.push(...one.before)
      else {
        const { attemptId } = this.of(one).meta
        if (typeof attemptId === 'string') return attemptId
      }
    }
    return undefined
  }

  /** Whether the flow is not as it was stored, or is new. */
  get isAltered(): boolean {
    return this.#transitions.hasChangedAtoms || this.missing.length > 0
  }

  inject(values: Readonly<Record<string, unknown>>, outline?: Outline): void {
    const record = this.#others.get(INJECTOR) ?? newRecord(INJECTOR, 'task', '1.0')
    if (outline !== undefined) record.meta.outline = outline
    record.results = { ...(record.results as object | null), ...values }
    record.state = 'SUCCESS'
    this.#others.set(INJECTOR, record)
    this.#transitions.changeAtom(record)
  }

  changeFlow(state: FlowState): boolean {
    const { flow } = this
    const oldState = flow.state
    if (!changesFlow(oldState, state)) return false
    flow.state = state
    this.#transitions.changeFlow()
    this.#transitions.announce({
      type: 'flow',
      notice: { name: flow.name, flowId: flow.id, state, oldState },
    })
    return true
  }

  setMeta(values: Readonly<Record<string, unknown>>): void {
    Object.assign(this.flow.meta, values)
    this.#transitions.changeFlow()
  }

  /** It is gone with the next transition. */
  useSignal(signal: UsedSignal): void {
    this.#transitions.useSignal(signal)
  }

  setIntention(node: Node, intention: Intention): void {
    const record = this.of(node)
    if (record.intention === intention) return
    record.intention = intention
    this.#transitions.changeAtom(record)
  }

  touch(node: Node): AtomRecord {
    const record = this.of(node)
    this.#transitions.changeAtom(record)
    return record
  }

  /** To PENDING, with nothing left of earlier runs. */
  reset(node: Node): void {
    const record = this.touch(node)
    record.intention = 'EXECUTE'
    if (record.failure !== null) this.#failures = undefined
    record.failure = null
    record.revertResults = null
    record.revertFailure = null
    record.results = null
    record.meta = {}
    this.changeState(node, 'PENDING')
  }

  changeState(node: Node, state: AtomState, outcome?: { readonly result: unknown }): void {
    const record = this.of(node)
    const oldState = record.state
    if (oldState === state && outcome === undefined) return
    record.state = state
    this.#transitions.changeAtom(record)
    const { name, id, kind } = record
    const notice = { name, id, flowId: this.flow.id, state, oldState, ...outcome }
    this.#transitions.announce({ type: kind, notice })
  }

  /** Keeps what came of an atom's run. */
  settle(node: Node, action: 'execute' | 'revert', result: unknown): void {
    const record = this.of(node)
    const isFailure = result instanceof Failure
    if (action === 'execute') this.#settleExecute(record, result)
    else if (isFailure)
      Object.assign(record, { revertFailure: result, revertResults: null, results: null })
    else Object.assign(record, { revertResults: result, revertFailure: null })
    if (action === 'revert' && record.kind === 'retry' && !isFailure) record.results = []
    if (isFailure) record.meta.failureTree = this.#options.explain?.(record.name)
    const state = ENDS[action][isFailure ? 'failed' : 'done']
    this.changeState(node, state, { result })
  }

  #settleExecute(record: AtomRecord, result: unknown): void {
    record.revertResults = null
    record.revertFailure = null
    if (result instanceof Failure || record.failure !== null) this.#failures = undefined
    if (result instanceof Failure) {
      record.failure = result
      if (record.kind === 'task') record.results = null
      return
    }
    record.failure = null
    record.results = record.kind === 'retry' ? [...historyOf(record), [result, {}]] : result
  }

  /** Every failure of the current attempt: asked for at each revert, collected when one was added or forgotten. */
  failures(): Readonly<Record<string, Failure>> {
    this.#failures ??= Object.freeze(this.#allFailures())
    return this.#failures
  }

  #allFailures(): Record<string, Failure> {
    const found: Record<string, Failure> = {}
    for (const node of this.#options.compilation.atoms) {
      const { name, failure } = this.of(node)
      if (failure !== null) found[name] = failure
    }
    return found
  }

  revertFailures(): Failure[] {
    return this.#options.compilation.atoms.flatMap((node) => this.of(node).revertFailure ?? [])
  }

  /** Stores what has changed as one transition; undefined where nothing is to be awaited. */
  flush(): Promise<void> | undefined {
    return this.#transitions.flush()
  }
}

const ENDS = {
  execute: { done: 'SUCCESS', failed: 'FAILURE' },
  revert: { done: 'REVERTED', failed: 'REVERT_FAILURE' },
} as const

function newRecord(name: string, kind: 'task' | 'retry', version: string): AtomRecord {
  return {
    id: newId(),
    name,
    kind,
    version,
    state: 'PENDING',
    intention: 'EXECUTE',
    results: kind === 'retry' ? [] : null,
    failure: null,
    revertResults: null,
    revertFailure: null,
    meta: {},
  }
}
