import type { AtomRecord, FlowRecord, StoredFlow } from './records.ts'

/** One transition: all of it is stored, or none. */
export interface Change {
  readonly flow: FlowRecord
  readonly atoms: readonly AtomRecord[]
  /** What others are to hear of it, e.g. the monitor; stored with it, so that none is lost. */
  readonly events: readonly FlowEvent[]
  /** Signals that have done their work; without an id, all of that name. */
  readonly used: readonly UsedSignal[]
  /** The lease under which this is written; a later one, once seen, refuses it. */
  readonly epoch?: number | undefined
}

export interface FlowEvent {
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface StoredSignal {
  readonly id: string | undefined
  readonly name: string
  readonly value: unknown
}

export interface UsedSignal {
  readonly id?: string | undefined
  readonly name: string
}

/** The signals that are left. */
export function unused(
  signals: readonly StoredSignal[],
  used: readonly UsedSignal[],
): StoredSignal[] {
  return signals.filter(
    (signal) =>
      !used.some(({ id, name }) => (id === undefined ? name === signal.name : id === signal.id)),
  )
}

/** Keeps runs of flows. `save` may be synchronous: undefined means that it is done. */
export interface FlowStore extends AsyncDisposable {
  load(flowId: string): Promise<StoredFlow | undefined>
  save(change: Change): Promise<void> | undefined
  list(): Promise<readonly FlowRecord[]>
  remove(flowId: string): Promise<void>
  /** Whether results must be values that JSON can hold. */
  readonly isEncoded: boolean
  /** Keeps a signal for a flow until the flow has used it. */
  sendSignal(flowId: string, name: string, value: unknown): Promise<void>
  /** The signals that the flow has not used yet, oldest first. */
  signals(flowId: string): Promise<readonly StoredSignal[]>
  close(): Promise<void>
}
