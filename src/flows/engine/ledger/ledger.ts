import { atomOf, type Compilation, type Node } from '../../compilation/compile.ts'
import { Failure } from '../../failures/failure.ts'
import { NotFound } from '../../failures/flow-errors.ts'
import type { FlowEvent, FlowStore, UsedSignal } from '../../storage/flow-store.ts'
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
import type { Notices, Notifier } from './notifier.ts'

interface LedgerOptions {
  readonly compilation: Compilation
  readonly notifier: Notifier
  readonly store: FlowStore | undefined
  readonly epoch: number | undefined
  /** Makes the events that are stored with each transition. */
  readonly eventOf: ((notice: Notice) => FlowEvent | undefined) | undefined
  /** Called with each event once its transition is stored. */
  readonly onEvent?: ((event: FlowEvent) => void) | undefined
  /** Where runs are kept: what is said of an atom that failed, for those who look at the run. */
  readonly explain?: ((name: string) => string) | undefined
}

export type Notice = {
  [Type in keyof Notices]: { type: Type; notice: Notices[Type] }
}[keyof Notices]

/**
 * The records of a run. Changes gather here until `flush` stores them as one transition, and only then notifies listeners:
 * what they hear of is safe.
 */
export class Ledger {
  readonly flow: FlowRecord
  readonly #options: LedgerOptions
  readonly #records: AtomRecord[] = []
  /** Records that no atom of this flow has any more, and the values given to the run. */
  readonly #others = new Map<string, AtomRecord>()
  readonly #changed = new Set<AtomRecord>()
  #notices: Notice[] = []
  #used: UsedSignal[] = []
  #isFlowChanged = false
  #failures: Readonly<Record<string, Failure>> | undefined
  #saving: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(flow: FlowRecord, stored: StoredFlow | undefined, options: LedgerOptions) {
    this.flow = flow
    this.#options = options
    for (const atom of stored?.atoms ?? []) this.#others.set(atom.name, atom)
    for (const node of options.compilation.atoms) {
      const { name, version } = atomOf(node)
      const kind = atomOf(node).kind
      const known = this.#others.get(name)
      this.#others.delete(name)
      const record = known?.kind === kind ? known : newRecord(name, kind, version)
      this.#records[node.index] = record
      if (record !== known) this.#changed.add(record)
    }
    this.#isFlowChanged = stored === undefined
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
    return this.#changed.size > 0 || this.missing.length > 0
  }

  inject(values: Readonly<Record<string, unknown>>, outline?: Outline): void {
    const record = this.#others.get(INJECTOR) ?? newRecord(INJECTOR, 'task', '1.0')
    if (outline !== undefined) record.meta.outline = outline
    record.results = { ...(record.results as object | null), ...values }
    record.state = 'SUCCESS'
    this.#others.set(INJECTOR, record)
    this.#changed.add(record)
  }

  changeFlow(state: FlowState): boolean {
    const { flow } = this
    const oldState = flow.state
    if (!changesFlow(oldState, state)) return false
    flow.state = state
    this.#isFlowChanged = true
    this.#notices.push({
      type: 'flow',
      notice: { name: flow.name, flowId: flow.id, state, oldState },
    })
    return true
  }

  setMeta(values: Readonly<Record<string, unknown>>): void {
    Object.assign(this.flow.meta, values)
    this.#isFlowChanged = true
  }

  /** It is gone with the next transition. */
  useSignal(signal: UsedSignal): void {
    this.#used.push(signal)
  }

  setIntention(node: Node, intention: Intention): void {
    const record = this.of(node)
    if (record.intention === intention) return
    record.intention = intention
    this.#changed.add(record)
  }

  touch(node: Node): AtomRecord {
    const record = this.of(node)
    this.#changed.add(record)
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
    this.#changed.add(record)
    const { name, id, kind } = record
    const notice = { name, id, flowId: this.flow.id, state, oldState, ...outcome }
    this.#notices.push({ type: kind, notice })
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

  /**
   * Stores what has changed as one transition, then notifies listeners. Undefined where nothing is to be awaited. One save at a
   * time, as two could be stored out of order: changes meanwhile are stored by the next one, or fail with the one before.
   */
  flush(): Promise<void> | undefined {
    if (this.#options.store === undefined) {
      this.#changed.clear()
      this.#publishEvents(this.#events())
      return undefined
    }
    if (this.#next !== undefined) return this.#next
    if (this.#changed.size === 0 && !this.#isFlowChanged) return this.#saving
    if (this.#saving === undefined) return this.#save(this.#options.store)
    this.#next = this.#saveAfter(this.#saving, this.#options.store)
    return this.#next
  }

  async #saveAfter(saving: Promise<void>, store: FlowStore): Promise<void> {
    try {
      await saving
    } finally {
      this.#next = undefined
    }
    await this.#save(store)
  }

  #save(store: FlowStore): Promise<void> | undefined {
    const { epoch } = this.#options
    const notices = this.#notices
    const events = this.#events()
    const atoms = [...this.#changed]
    const used = this.#used
    this.#changed.clear()
    this.#used = []
    this.#isFlowChanged = false
    const saving = store.save({ flow: this.flow, atoms, events, used, epoch })
    if (saving === undefined) {
      this.#publishEvents(events)
      return undefined
    }
    this.#notices = []
    this.#saving = this.#notifyOnceSaved(saving, { atoms, notices, used, events })
    return this.#saving
  }

  async #notifyOnceSaved(
    saving: Promise<void>,
    { atoms, notices, used, events }: Saved,
  ): Promise<void> {
    try {
      await saving
    } catch (error) {
      // A later save, of an atom that still runs or of another run, must not leave this one out.
      for (const atom of atoms) this.#changed.add(atom)
      this.#isFlowChanged = true
      this.#notices = [...notices, ...this.#notices]
      this.#used = [...used, ...this.#used]
      throw error
    } finally {
      this.#saving = undefined
    }
    this.#notify(notices)
    this.#notifyEach(events)
  }

  /** What the changes since the last transition are to others. */
  #events(): readonly FlowEvent[] {
    const { eventOf } = this.#options
    return eventOf === undefined ? [] : this.#notices.flatMap((notice) => eventOf(notice) ?? [])
  }

  /** A listener may cause more, e.g. by suspending: listeners are notified of that too. */
  #publishEvents(events: readonly FlowEvent[]): void {
    this.#notifyEach(events)
    while (this.#notices.length > 0) {
      const notices = this.#notices
      this.#notices = []
      this.#notify(notices)
    }
  }

  #notifyEach(events: readonly FlowEvent[]): void {
    const { onEvent } = this.#options
    if (onEvent !== undefined) for (const event of events) onEvent(event)
  }

  #notify(notices: readonly Notice[]): void {
    for (const { type, notice } of notices) this.#options.notifier.notify(type, notice as never)
  }
}

interface Saved {
  readonly atoms: readonly AtomRecord[]
  readonly notices: readonly Notice[]
  readonly used: readonly UsedSignal[]
  readonly events: readonly FlowEvent[]
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
