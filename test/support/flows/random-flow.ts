import type { FlowSpec, TaskSpec } from './scenario.ts'

/** A flow made of chance by a seed, with the names of its atoms. */
export interface RandomFlow {
  readonly flow: FlowSpec
  readonly atoms: readonly string[]
  readonly options: { readonly defer_reverts: boolean }
  /** No two atoms are ready at once, so that the order of all calls is defined. */
  readonly isLinear: boolean
}

const DEEPEST = 4

/** Flows of at most four levels, with retries, deciders and failures. At most one atom fails in what runs side by side. */
export function randomFlow(seed: number): RandomFlow {
  return new Maker(seed).make()
}

class Maker {
  readonly #random: () => number
  readonly #atoms: string[] = []
  readonly #isLinear: boolean
  #symbols: string[] = []
  #count = 0

  constructor(seed: number) {
    this.#random = mulberry32(seed)
    this.#isLinear = this.#chance(0.4)
  }

  make(): RandomFlow {
    const flow = this.#flow(1, true)
    return {
      flow,
      atoms: this.#atoms,
      options: { defer_reverts: this.#chance(0.5) },
      isLinear: this.#isLinear,
    }
  }

  #flow(depth: number, mayFail: boolean): FlowSpec {
    const flow = this.#isLinear
      ? 'linear'
      : this.#pick(['linear', 'linear', 'unordered', 'graph'] as const)
    const retry = this.#chance(0.5) ? { retry: this.#retry() } : {}
    const name = this.#name('f')
    const count = 1 + Math.floor(this.#random() * 4)
    const failing = flow === 'linear' ? -1 : Math.floor(this.#random() * count)
    const before = this.#symbols
    const items = Array.from({ length: count }, (_, index) => {
      const canFail = mayFail && (flow === 'linear' || index === failing)
      if (flow === 'unordered') this.#symbols = before
      return depth < DEEPEST && this.#chance(0.35)
        ? this.#flow(depth + 1, canFail)
        : this.#task(canFail)
    })
    if (flow !== 'linear') this.#symbols = before
    return { flow, name, ...retry, items, ...(flow === 'graph' && { links: this.#links(items) }) }
  }

  #task(mayFail: boolean): TaskSpec {
    const name = this.#name('t')
    this.#atoms.push(name)
    const args = this.#symbols.length > 0 && this.#chance(0.5) ? [this.#pick(this.#symbols)] : []
    const provides = this.#chance(0.5) ? { provides: `s${name}` } : {}
    if ('provides' in provides) this.#symbols = [...this.#symbols, `s${name}`]
    const isFailing = mayFail && this.#chance(0.35)
    const onCalls = this.#chance(0.5) ? [1] : [1, 2, 3, 4, 5, 6, 7, 8]
    const fail = {
      type: this.#pick(['RuntimeError', 'ValueError']),
      message: `${name} broke`,
      onCalls,
    }
    const failsToRevert = mayFail && this.#chance(0.05)
    return {
      task: name,
      args,
      ...provides,
      execute: { return: this.#chance(0.8) ? this.#count : 0, ...(isFailing && { fail }) },
      ...(failsToRevert && { revert: { fail: { ...fail, message: `${name} cannot be undone` } } }),
    }
  }

  #retry(): NonNullable<FlowSpec['retry']> {
    const name = this.#name('r')
    this.#atoms.push(name)
    const kind = this.#pick([
      'Times',
      'Times',
      'ForEach',
      'AlwaysRevert',
      'AlwaysRevertAll',
    ] as const)
    const revertAll = this.#chance(0.2) ? { revertAll: true } : {}
    if (kind === 'Times')
      return { retry: kind, name, attempts: 1 + Math.floor(this.#random() * 3), ...revertAll }
    if (kind === 'ForEach')
      return { retry: kind, name, values: ['h1', 'h2', 'h3'].slice(this.#count % 2), ...revertAll }
    return { retry: kind, name }
  }

  /** From earlier items to later ones, so that there is no cycle; deciders only where no flow has a retry of its own. */
  #links(items: FlowSpec['items']): NonNullable<FlowSpec['links']> {
    return items.flatMap((to, index) => {
      const from =
        index === 0 || !this.#chance(0.6) ? undefined : items[Math.floor(this.#random() * index)]
      if (from === undefined) return []
      const isDecided =
        'task' in from && !('flow' in to && to.retry !== undefined) && this.#chance(0.5)
      const decider =
        'task' in from && this.#chance(0.5) ? { atom: from.task } : { returns: this.#chance(0.5) }
      return [
        {
          from: nameOf(from),
          to: nameOf(to),
          ...(isDecided && { decider, depth: 'ALL' as const }),
        },
      ]
    })
  }

  #name(prefix: string): string {
    this.#count += 1
    return `${prefix}${this.#count}`
  }

  #chance(part: number): boolean {
    return this.#random() < part
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[Math.floor(this.#random() * values.length)] as Value // the index is inside
  }
}

function nameOf(item: FlowSpec['items'][number]): string {
  return 'task' in item ? item.task : item.name
}

/** A small generator of pseudo-random numbers with 32 bits of state. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
