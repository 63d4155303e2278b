import { randomUUID } from 'node:crypto'
import { type Change, type FlowStore, type StoredSignal, unused } from './flow-store.ts'
import {
  type AtomRecord,
  atomOfPlain,
  type FlowRecord,
  plainAtom,
  type StoredFlow,
} from './records.ts'

interface Kept {
  flow: FlowRecord
  readonly atoms: Map<string, AtomRecord>
}

/** Keeps flows in this process: one object serves several engines. Failures come back without their live errors. */
export class MemoryStore implements FlowStore {
  readonly isEncoded = false
  readonly #flows = new Map<string, Kept>()
  readonly #signals = new Map<string, StoredSignal[]>()

  async load(flowId: string): Promise<StoredFlow | undefined> {
    const kept = this.#flows.get(flowId)
    if (kept === undefined) return undefined
    const atoms = [...kept.atoms.values()].map((atom) => atomOfPlain(plainAtom(atom)))
    return { flow: copyOf(kept.flow), atoms }
  }

  save({ flow, atoms, used }: Change): undefined {
    const kept = this.#flows.get(flow.id) ?? { flow, atoms: new Map() }
    kept.flow = copyOf(flow)
    for (const atom of atoms) {
      const results =
        atom.kind === 'retry' && Array.isArray(atom.results) ? [...atom.results] : atom.results
      kept.atoms.set(atom.name, { ...atom, results, meta: { ...atom.meta } })
    }
    this.#flows.set(flow.id, kept)
    if (used.length > 0) this.#signals.set(flow.id, unused(this.#signals.get(flow.id) ?? [], used))
    return undefined
  }

  async list(): Promise<readonly FlowRecord[]> {
    return [...this.#flows.values()].map(({ flow }) => copyOf(flow))
  }

  async remove(flowId: string): Promise<void> {
    this.#flows.delete(flowId)
    this.#signals.delete(flowId)
  }

  async sendSignal(flowId: string, name: string, value: unknown): Promise<void> {
    const signals = this.#signals.get(flowId) ?? []
    this.#signals.set(flowId, [...signals, { id: randomUUID(), name, value }])
  }

  async signals(flowId: string): Promise<readonly StoredSignal[]> {
    return this.#signals.get(flowId) ?? []
  }

  async close(): Promise<void> {
    // Nothing is open.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function copyOf(flow: FlowRecord): FlowRecord {
  return { ...flow, meta: { ...flow.meta } }
}
