import { randomUUID } from 'node:crypto'
import type { History } from '../atoms/retry.ts'
import type { AtomState, FlowState, Intention } from '../engine/states.ts'
import { Failure } from '../failures/failure.ts'

/** What is kept of one run of a flow. */
export interface FlowRecord {
  readonly id: string
  name: string
  version: string | null
  state: FlowState
  meta: Record<string, unknown>
}

/** What is kept of one atom of a run. */
export interface AtomRecord {
  readonly id: string
  readonly name: string
  readonly kind: 'task' | 'retry'
  version: string
  state: AtomState
  intention: Intention
  /** A task's result; a retry's history. */
  results: unknown
  failure: Failure | null
  revertResults: unknown
  revertFailure: Failure | null
  meta: Record<string, unknown>
}

export interface StoredFlow {
  readonly flow: FlowRecord
  readonly atoms: readonly AtomRecord[]
}

/** The values that the run was given, kept as the result of an atom of this name, as TaskFlow does. */
export const INJECTOR = '_TaskFlow_INJECTOR'

/**
 * A new id, of an atom's record or attempt, in an eighth of the memory: Node joins an id of some twenty pieces, which V8 keeps
 * all until the text is gone through once.
 */
export function newId(): string {
  return randomUUID().toLowerCase()
}

/** An atom record as plain values, failures and histories in their stored form. */
export function plainAtom(record: AtomRecord): Record<string, unknown> {
  return {
    ...record,
    results: record.kind === 'retry' ? plainHistory(historyOf(record)) : (record.results ?? null),
    failure: record.failure?.toJSON() ?? null,
    revertResults: record.revertResults ?? null,
    revertFailure: record.revertFailure?.toJSON() ?? null,
  }
}

export function atomOfPlain(plain: Readonly<Record<string, unknown>>): AtomRecord {
  const record = { ...plain } as unknown as AtomRecord // plainAtom made it
  return {
    ...record,
    meta: { ...record.meta },
    results: record.kind === 'retry' ? historyOfPlain(plain.results) : plain.results,
    failure: failureOfPlain(plain.failure),
    revertFailure: failureOfPlain(plain.revertFailure),
  }
}

export function historyOf(record: AtomRecord): History {
  return Array.isArray(record.results) ? record.results : []
}

function plainHistory(history: History): unknown[] {
  return history.map(([value, failures]) => [
    value ?? null,
    Object.fromEntries(Object.entries(failures).map(([name, failure]) => [name, failure.toJSON()])),
  ])
}

function historyOfPlain(plain: unknown): unknown[] {
  if (!Array.isArray(plain)) return []
  return plain.map(([value, failures]) => [
    value,
    Object.fromEntries(
      Object.entries(failures ?? {}).map(([name, failure]) => [name, Failure.fromJSON(failure)]),
    ),
  ])
}

function failureOfPlain(plain: unknown): Failure | null {
  return plain === null || plain === undefined ? null : Failure.fromJSON(plain)
}
