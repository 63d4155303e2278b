import { deferred } from '../../async/deferred.ts'
import { startTimer } from '../../async/timer.ts'
import type { Node } from '../compilation/compile.ts'
import type { FlowStore, StoredSignal } from '../storage/flow-store.ts'
import type { AtomRecord } from '../storage/records.ts'
import { type AtomWait, type FlowWait, flowWaitOf } from './flow-wait.ts'

const LOOK_FOR_SIGNALS_MS = 500

/** The atoms of a run that wait for a moment or a signal, and the signals that have come. */
export class Parking {
  readonly #waits = new Map<Node, AtomWait>()
  readonly #signals = new Map<string, StoredSignal>()
  /** Ids of those that attempts of this run have taken. */
  readonly #taken = new Set<string | undefined>()
  readonly #store: FlowStore | undefined
  readonly #flowId: string
  readonly #now: () => number
  #wake = deferred()

  constructor(flowId: string, store: FlowStore | undefined, now: () => number) {
    this.#flowId = flowId
    this.#store = store
    this.#now = now
  }

  get size(): number {
    return this.#waits.size
  }

  get wait(): FlowWait {
    return flowWaitOf(this.#waits.values())
  }

  async readSignals(): Promise<void> {
    for (const signal of (await this.#store?.signals(this.#flowId)) ?? []) {
      const isKnown = this.#signals.has(signal.name) || this.#taken.has(signal.id)
      if (!isKnown) this.#signals.set(signal.name, signal)
    }
  }

  /** Sent to this engine itself. */
  receive(name: string, value: unknown): void {
    this.#signals.set(name, { id: undefined, name, value })
    this.#wake.resolve()
  }

  wake(): void {
    this.#wake.resolve()
  }

  /** For one attempt alone. It stays in the store until what has come of the attempt is stored. */
  take(name: string): StoredSignal | undefined {
    const signal = this.#signals.get(name)
    this.#signals.delete(name)
    if (signal?.id !== undefined) this.#taken.add(signal.id)
    return signal
  }

  /** Undefined where the wait is over. */
  isOver(wait: AtomWait): boolean {
    const isDue = wait.until !== undefined && wait.until <= this.#now()
    return isDue || (wait.signal !== undefined && this.#signals.has(wait.signal))
  }

  park(node: Node, wait: AtomWait): void {
    this.#waits.set(node, wait)
  }

  /** Takes out the atoms whose wait is over. */
  takeDue(): Node[] {
    const due = [...this.#waits].flatMap(([node, wait]) => (this.isOver(wait) ? [node] : []))
    for (const node of due) this.#waits.delete(node)
    return due
  }

  /** Resolves when something may be due, or when it is woken. */
  async hold(): Promise<void> {
    this.#wake = deferred()
    const { until, signals } = this.wait
    const untilDue =
      until === undefined ? Number.POSITIVE_INFINITY : Math.max(0, until - this.#now())
    const looksOut = signals.length > 0 && this.#store !== undefined
    const ms = Math.min(untilDue, looksOut ? LOOK_FOR_SIGNALS_MS : Number.POSITIVE_INFINITY)
    const timer = startTimer(ms, () => this.#wake.resolve())
    await this.#wake.promise
    timer.clear()
    if (looksOut) await this.readSignals()
  }
}

/** The moment, kept with the atom, before which it is not to run. */
export function notBeforeOf({ meta }: AtomRecord): number | undefined {
  return typeof meta.notBefore === 'number' ? meta.notBefore : undefined
}
