import type { Values } from '../atoms/atom.ts'
import type { Binding } from '../atoms/binding.ts'
import { valueAt } from '../atoms/provides.ts'
import { atomOf, type Compilation, type Node } from '../compilation/compile.ts'
import { precedes } from '../compilation/visibility.ts'
import { MissingDependencies, NotFound } from '../failures/flow-errors.ts'
import { historyOf } from '../storage/records.ts'
import type { Ledger } from './ledger/ledger.ts'

/**
 * Finds values for atoms: what was injected into the atom, then what the run was given, then what visible atoms before
 * it provided, nearest first.
 */
export class Lookup {
  readonly #compilation: Compilation
  readonly #ledger: Pick<Ledger, 'of' | 'values'>

  constructor(compilation: Compilation, ledger: Pick<Ledger, 'of' | 'values'>) {
    this.#compilation = compilation
    this.#ledger = ledger
  }

  argumentsOf(node: Node, binding: Binding): Record<string, unknown> {
    const values: Record<string, unknown> = {}
    for (const { name, symbol } of binding.required) {
      const found = this.#find(node, symbol)
      if (found === undefined) {
        throw new NotFound(
          `atom "${atomOf(node).name}" needs "${symbol}", which no atom before it has produced`,
        )
      }
      set(values, name, found.value)
    }
    for (const { name, symbol, fallback } of binding.optional) {
      const found = this.#find(node, symbol)
      set(values, name, found === undefined ? fallback : found.value)
    }
    return values
  }

  /** Every symbol that the flow has produced so far. */
  fetchAll(): Record<string, unknown> {
    const values: Record<string, unknown> = {}
    for (const symbol of this.#compilation.providers.keys()) {
      const found = this.#produced(symbol)
      if (found.length > 0) set(values, symbol, found.length === 1 ? found[0] : found)
    }
    for (const [symbol, value] of Object.entries(this.#ledger.values)) set(values, symbol, value)
    return values
  }

  /** Throws MissingDependencies, naming all symbols that nothing provides. */
  validate(): void {
    const needs = this.missing()
    if (needs.size === 0) return
    throw new MissingDependencies(this.#compilation.root.name, [...needs.keys()].sort(), needs)
  }

  /** Symbols that nothing provides, and the atoms that need them. */
  missing(): Map<string, string[]> {
    const needs = new Map<string, string[]>()
    for (const node of this.#compilation.atoms) {
      for (const symbol of atomOf(node).requires) {
        if (this.#isProvided(node, symbol)) continue
        needs.set(symbol, [...(needs.get(symbol) ?? []), atomOf(node).name])
      }
    }
    return needs
  }

  #isProvided(node: Node, symbol: string): boolean {
    if (Object.hasOwn(this.#ledger.values, symbol)) return true
    return !this.#providers(node, symbol).next().done
  }

  #find(node: Node, symbol: string): { readonly value: unknown } | undefined {
    const { inject } = atomOf(node)
    if (Object.hasOwn(inject, symbol)) return { value: inject[symbol] }
    const { values } = this.#ledger
    if (Object.hasOwn(values, symbol)) return { value: values[symbol] }
    for (const provider of this.#providers(node, symbol)) {
      const found = this.#valueOf(provider, symbol)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Positions grow with depth and nearness, so that the last provider before an atom is the nearest. */
  *#providers(node: Node, symbol: string): Generator<Node> {
    const all = this.#compilation.providers.get(symbol) ?? []
    for (let index = lastBefore(all, node.position); index >= 0; index -= 1) {
      const provider = all[index]
      if (provider !== undefined && precedes(provider, node)) yield provider
    }
  }

  #valueOf(node: Node, symbol: string): { readonly value: unknown } | undefined {
    const record = this.#ledger.of(node)
    if (!HAS_RESULT.has(record.state)) return undefined
    const provided = atomOf(node).provides.find((one) => one.symbol === symbol)
    if (provided === undefined) return undefined
    if (record.kind === 'task') return valueAt(record.results, provided)
    const last = historyOf(record).at(-1)
    return last === undefined ? undefined : valueAt(last[0], provided)
  }

  /** Reverted producers have no value; one whose execute failed has its Failure, even after its revert. */
  #produced(symbol: string): unknown[] {
    const nodes = [...(this.#compilation.providers.get(symbol) ?? [])]
    nodes.sort((a, b) => a.declared - b.declared)
    return nodes.flatMap((node) => {
      const record = this.#ledger.of(node)
      if (record.failure !== null && record.state !== 'PENDING') return [record.failure]
      const found = record.state === 'REVERTED' ? undefined : this.#valueOf(node, symbol)
      return found === undefined ? [] : [found.value]
    })
  }
}

const HAS_RESULT: ReadonlySet<string> = new Set(['SUCCESS', 'REVERTING', 'RETRYING', 'REVERTED'])

/** The index of the last node before this position. */
function lastBefore(nodes: readonly Node[], position: number): number {
  let [low, high] = [0, nodes.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((nodes[middle]?.position ?? 0) < position) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** As an own value under any name: `__proto__` is one too. */
function set(values: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(values, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  } else values[name] = value
}

export type { Values }
