import { Digraph } from '../../graph/digraph.ts'
import { findCycle, reachable, topologicalOrder } from '../../graph/walk.ts'
import { Retry } from '../atoms/retry.ts'
import { Task } from '../atoms/task.ts'
import { CompilationFailure, DependencyFailure } from '../failures/flow-errors.ts'
import { linkBySymbols } from './auto-links.ts'

export type Item = Task | Flow
type Pattern = 'linear' | 'unordered' | 'graph' | 'targeted'

/** ALL: the target and all that follows; FLOW: only in its own flow; NEIGHBORS: its direct successors; ATOM: itself. */
type Depth = 'ALL' | 'FLOW' | 'NEIGHBORS' | 'ATOM'
type Decider = (history: Readonly<Record<string, unknown>>) => boolean | Promise<boolean>

export interface Link {
  readonly from: string | Item
  readonly to: string | Item
  readonly decider?: Decider
  readonly depth?: Depth
}

interface FlowOptions {
  readonly retry?: Retry | undefined
  /** Changes with the flow's steps; stored with each run. */
  readonly version?: string | undefined
}

/** Items with an order: the patterns differ in nothing but their edges. */
export class Flow {
  readonly name: string
  readonly pattern: Pattern
  readonly retry: Retry | undefined
  readonly version: string | undefined
  /** As given, but for a targeted flow, which keeps its target and that item's predecessors. */
  readonly items: readonly Item[]
  /** What a link adds to an edge. */
  readonly deciders: ReadonlyMap<Item, ReadonlyMap<Item, LinkDecider>>
  #edges: Digraph<Item> | undefined
  #requires: ReadonlySet<string> | undefined
  #provides: ReadonlySet<string> | undefined

  constructor(name: string, pattern: Pattern, parts: FlowParts) {
    if (typeof name !== 'string' || name === '')
      throw new CompilationFailure(`a flow's name is ${JSON.stringify(name)}, expected a text`)
    if (parts.retry !== undefined && !(parts.retry instanceof Retry))
      throw new CompilationFailure(
        `the retry of flow "${name}" is not a retry such as times() returns`,
      )
    this.name = name
    this.pattern = pattern
    this.retry = parts.retry
    this.version = parts.version
    this.items = parts.items
    this.#edges = parts.edges
    this.deciders = parts.deciders
  }

  /** Items before items that need them: the order in which symbols become visible. */
  inOrder(): readonly Item[] {
    return isPlain(this) ? this.items : (topologicalOrder(this.edges) ?? this.items)
  }

  /** Which item comes before which. */
  get edges(): Digraph<Item> {
    this.#edges ??= plainEdges(this)
    return this.#edges
  }

  /** The symbols that must come from outside. */
  get requires(): ReadonlySet<string> {
    this.#requires ??= new Set(this.#needs())
    return this.#requires
  }

  get provides(): ReadonlySet<string> {
    this.#provides ??= new Set([
      ...(this.retry?.provides.map(({ symbol }) => symbol) ?? []),
      ...this.items.flatMap((item) => [...providedBy(item)]),
    ])
    return this.#provides
  }

  *#needs(): Generator<string> {
    const own = new Set(this.retry?.provides.map(({ symbol }) => symbol))
    if (this.retry !== undefined) yield* this.retry.requires
    const seen = new Set(own)
    for (const item of this.inOrder()) {
      const visible = this.pattern === 'linear' ? seen : this.#visibleTo(item, own)
      for (const symbol of item.requires) if (!visible.has(symbol)) yield symbol
      for (const symbol of providedBy(item)) seen.add(symbol)
    }
  }

  #visibleTo(item: Item, own: ReadonlySet<string>): ReadonlySet<string> {
    if (this.pattern === 'unordered') return own
    const before = reachable(this.edges, [item], 'backward')
    return new Set([...own, ...[...before].flatMap((other) => [...providedBy(other)])])
  }
}

/** Its order is that of its items, or it has none: edges of such a flow are made for those alone who ask for them. */
function isPlain({ pattern }: Flow): boolean {
  return pattern === 'linear' || pattern === 'unordered'
}

export interface LinkDecider {
  readonly decide: Decider
  readonly depth: Depth
}

interface FlowParts extends FlowOptions {
  readonly items: readonly Item[]
  readonly edges?: Digraph<Item>
  readonly deciders: ReadonlyMap<Item, ReadonlyMap<Item, LinkDecider>>
}

/** Each item runs after the one before it. */
export function linear(name: string, options: FlowOptions, items: readonly Item[]): Flow {
  checkItems(name, items)
  return new Flow(name, 'linear', { ...options, items, deciders: new Map() })
}

/** No item waits for another. */
export function unordered(name: string, options: FlowOptions, items: readonly Item[]): Flow {
  checkItems(name, items)
  return new Flow(name, 'unordered', { ...options, items, deciders: new Map() })
}

/** Items wait for those that provide what they need, and for those that a link puts before them. */
export function graph(
  name: string,
  options: FlowOptions,
  items: readonly Item[],
  links: readonly Link[] = [],
): Flow {
  return new Flow(name, 'graph', { ...options, ...graphParts(name, options, items, links) })
}

/** A graph of which only the target and its predecessors run. */
export function targeted(
  name: string,
  { target, ...options }: FlowOptions & { readonly target: string | Item },
  items: readonly Item[],
  links: readonly Link[] = [],
): Flow {
  const parts = graphParts(name, options, items, links)
  const aim = new NamedItems(name, parts.items).find(target)
  const kept = reachable(parts.edges, [aim], 'backward').add(aim)
  const edges = new Digraph<Item>()
  for (const item of items) if (kept.has(item)) edges.addNode(item)
  for (const [from, to] of parts.edges.edges())
    if (kept.has(from) && kept.has(to)) edges.addEdge(from, to)
  return new Flow(name, 'targeted', {
    ...options,
    items: items.filter((item) => kept.has(item)),
    edges,
    deciders: parts.deciders,
  })
}

/** Puts one item before another, on condition if a decider says so. */
export function link(
  from: string | Item,
  to: string | Item,
  options: { readonly decider?: Decider; readonly depth?: Depth | Lowercase<Depth> } = {},
): Link {
  const depth = options.depth?.toUpperCase() as Depth | undefined // checked below
  if (depth !== undefined && !DEPTHS.has(depth)) {
    throw new CompilationFailure(
      `the depth of a link is "${depth}", expected ${[...DEPTHS].join(', ')}`,
    )
  }
  if (depth !== undefined && options.decider === undefined) {
    throw new CompilationFailure(
      `the link to "${nameOf(to)}" has the depth ${depth} but no decider`,
    )
  }
  return {
    from,
    to,
    ...(options.decider !== undefined && { decider: options.decider }),
    ...(depth !== undefined && { depth }),
  }
}

const DEPTHS: ReadonlySet<string> = new Set(['ALL', 'FLOW', 'NEIGHBORS', 'ATOM'])

function graphParts(
  name: string,
  { retry }: FlowOptions,
  items: readonly Item[],
  links: readonly Link[],
): Required<Pick<FlowParts, 'items' | 'edges' | 'deciders'>> {
  checkItems(name, items)
  const edges = nodesOf(items)
  linkBySymbols(name, edges, new Set(retry?.provides.map(({ symbol }) => symbol)))
  const deciders = new Map<Item, Map<Item, LinkDecider>>()
  const named = new NamedItems(name, items)
  for (const { from, to, decider, depth = 'ALL' } of links) {
    const [source, aim] = [named.find(from), named.find(to)]
    edges.addEdge(source, aim)
    if (decider === undefined) continue
    const ofAim = deciders.get(aim) ?? new Map<Item, LinkDecider>()
    deciders.set(aim, ofAim.set(source, { decide: decider, depth }))
  }
  const cycle = findCycle(edges)
  if (cycle !== undefined) {
    const path = [...cycle, ...cycle.slice(0, 1)].map((item) => `"${item.name}"`).join(' -> ')
    throw new DependencyFailure(`flow "${name}" has a cycle: ${path}`)
  }
  return { items, edges, deciders }
}

function checkItems(name: string, items: readonly Item[]): void {
  if (!Array.isArray(items))
    throw new CompilationFailure(`the items of flow "${name}" are ${typeof items}, expected a list`)
  for (const item of items) {
    if (item instanceof Task || item instanceof Flow) continue
    throw new CompilationFailure(
      `an item of flow "${name}" is ${typeof item}, expected a task or a flow`,
    )
  }
}

function nodesOf(items: readonly Item[]): Digraph<Item> {
  const edges = new Digraph<Item>()
  for (const item of items) edges.addNode(item)
  return edges
}

function plainEdges({ pattern, items }: Flow): Digraph<Item> {
  const edges = nodesOf(items)
  if (pattern !== 'linear') return edges
  for (const [index, item] of items.entries()) {
    const before = items[index - 1]
    if (before !== undefined) edges.addEdge(before, item)
  }
  return edges
}

/** The items of a flow, as links name them: a flow of thousands is searched once. */
class NamedItems {
  readonly #flow: string
  readonly #items: ReadonlySet<Item>
  readonly #byName = new Map<string, Item>()
  readonly #several = new Set<string>()

  constructor(flow: string, items: readonly Item[]) {
    this.#flow = flow
    this.#items = new Set(items)
    for (const item of this.#items) {
      if (this.#byName.has(item.name)) this.#several.add(item.name)
      this.#byName.set(item.name, item)
    }
  }

  find(named: string | Item): Item {
    const item = typeof named === 'string' ? this.#byName.get(named) : named
    if (item === undefined || !this.#items.has(item))
      throw new DependencyFailure(`flow "${this.#flow}" has no item "${nameOf(named)}" to link`)
    if (typeof named === 'string' && this.#several.has(named))
      throw new DependencyFailure(
        `flow "${this.#flow}" has several items "${named}": link the item itself, not its name`,
      )
    return item
  }
}

function providedBy(item: Item): Iterable<string> {
  return item instanceof Flow ? item.provides : item.provides.map(({ symbol }) => symbol)
}

function nameOf(item: string | Item | undefined): string {
  return typeof item === 'string' ? item : String(item?.name)
}
