import type { Atom } from '../atoms/atom.ts'
import type { Retry } from '../atoms/retry.ts'
import type { Task } from '../atoms/task.ts'
import { CompilationFailure, Duplicate } from '../failures/flow-errors.ts'
import { Flow, type Item, type LinkDecider } from '../patterns/flow.ts'

/** A place in the one graph that a flow with all its nested flows becomes. */
export interface Node {
  readonly index: number
  /** `entry` and `end` are the two borders of a flow; they do nothing themselves. */
  readonly kind: 'task' | 'retry' | 'entry' | 'end'
  readonly atom: Task | Retry | undefined
  /** The flow that an atom belongs to, or whose border this is. */
  readonly scope: Scope
  before: readonly Node[]
  after: readonly Node[]
  /** What links say about the way from a node before this one; undefined where they say nothing. */
  deciders: Map<Node, LinkDecider> | undefined
  /** The retry that decides when this node fails. */
  retry: Node | undefined
  /** For reading: where the node stands in the order in which symbols become visible. */
  position: number
  /** Where the node was declared. */
  readonly declared: number
}

/** A flow in the tree of flows. */
export interface Scope {
  readonly flow: Flow | undefined
  /** The item of `parent.flow` that this is. */
  readonly item: Item | undefined
  readonly parent: Scope | undefined
  readonly depth: number
}

export interface Compilation {
  readonly root: Flow | Task
  readonly nodes: readonly Node[]
  /** Tasks and retries, in the order of their declaration. */
  readonly atoms: readonly Node[]
  readonly byName: ReadonlyMap<string, Node>
  /** Atoms by the symbols that they provide, in the order in which symbols become visible. */
  readonly providers: ReadonlyMap<string, readonly Node[]>
}

const DEEPEST = 500
const NONE: readonly Node[] = []

/** Makes one graph of a flow and all flows in it; refuses what is there twice. */
export function compile(root: Flow | Task): Compilation {
  const compiler = new Compiler()
  compiler.add(root, undefined)
  return compiler.finish(root)
}

interface Borders {
  readonly first: Node
  readonly last: Node
}

class Compiler {
  readonly #nodes: Node[] = []
  readonly #seen = new Set<Item | Atom>()
  readonly #borders = new Map<Item, Borders>()
  #declared = 0

  add(item: Item, parent: Scope | undefined): Borders {
    if (this.#seen.has(item)) {
      throw new Duplicate(`"${item.name}" is in the flow twice: make another object for each place`)
    }
    this.#seen.add(item)
    const scope = {
      flow: item instanceof Flow ? item : undefined,
      item,
      parent,
      depth: (parent?.depth ?? 0) + 1,
    }
    if (scope.depth > DEEPEST)
      throw new CompilationFailure(`flows are nested more than ${DEEPEST} levels deep`)
    const borders =
      item instanceof Flow ? this.#flow(item, scope) : this.#task(item, parent ?? scope)
    this.#borders.set(item, borders)
    return borders
  }

  finish(root: Flow | Task): Compilation {
    this.#order(root, { position: 0 })
    const atoms = this.#nodes.filter(isAtom).sort((a, b) => a.declared - b.declared)
    const byName = new Map<string, Node>()
    const twice = new Set<string>()
    const providers = new Map<string, Node[]>()
    for (const node of [...atoms].sort((a, b) => a.position - b.position)) {
      const { name, provides } = atomOf(node)
      if (byName.has(name)) twice.add(name)
      byName.set(name, node)
      for (const { symbol } of provides) {
        const list = providers.get(symbol)
        if (list === undefined) providers.set(symbol, [node])
        else list.push(node)
      }
    }
    if (twice.size > 0) {
      const names = [...twice].sort().map((name) => `'${name}'`)
      throw new Duplicate(`Atoms with duplicate names found: [${names.join(', ')}]`)
    }
    return { root, nodes: this.#nodes, atoms, byName, providers }
  }

  #task(task: Task, scope: Scope): Borders {
    const node = this.#node('task', scope, task)
    return { first: node, last: node }
  }

  #flow(flow: Flow, scope: Scope): Borders {
    const from = this.#nodes.length
    const entry = this.#node('entry', scope)
    const retry = flow.retry === undefined ? undefined : this.#retry(flow.retry, scope)
    if (retry !== undefined) connect(entry, retry)
    const start = retry ?? entry
    for (const item of flow.items) this.add(item, scope)
    const end = this.#node('end', scope)
    if (flow.pattern === 'linear' || flow.items.length === 0)
      this.#connectInTurn(flow.items, start, end)
    else for (const item of flow.items) this.#connectItem(flow, item, start, end)
    if (retry !== undefined) this.#assignRetry(from, entry, retry)
    return { first: entry, last: end }
  }

  #retry(retry: Retry, scope: Scope): Node {
    if (this.#seen.has(retry)) throw new Duplicate(`retry "${retry.name}" is in the flow twice`)
    this.#seen.add(retry)
    return this.#node('retry', scope, retry)
  }

  #connectInTurn(items: readonly Item[], start: Node, end: Node): void {
    let before = start
    for (const item of items) {
      const { first, last } = this.#bordersOf(item)
      connect(before, first)
      before = last
    }
    connect(before, end)
  }

  #connectItem(flow: Flow, item: Item, start: Node, end: Node): void {
    const borders = this.#bordersOf(item)
    if (flow.pattern === 'unordered') {
      connect(start, borders.first)
      connect(borders.last, end)
      return
    }
    const before = flow.edges.predecessors(item)
    for (const other of before) {
      const { last } = this.#bordersOf(other)
      connect(last, borders.first)
      const decider = flow.deciders.get(item)?.get(other)
      if (decider === undefined) continue
      borders.first.deciders ??= new Map()
      borders.first.deciders.set(last, decider)
    }
    if (before.size === 0) connect(start, borders.first)
    if (flow.edges.successors(item).size === 0) connect(borders.last, end)
  }

  /** The nearest retry was assigned when its own flow was compiled, so what has one keeps it. */
  #assignRetry(from: number, entry: Node, retry: Node): void {
    for (let index = from; index < this.#nodes.length; index += 1) {
      const node = this.#nodes[index]
      if (node !== undefined && node !== entry && node !== retry) node.retry ??= retry
    }
  }

  /** Symbols become visible in this order: a flow's retry, then its items, each after those it depends on. */
  #order(item: Item, counter: { position: number }): void {
    const { first } = this.#bordersOf(item)
    if (!(item instanceof Flow)) {
      first.position = counter.position
      counter.position += 1
      return
    }
    const retry = first.after.find(({ kind, scope }) => kind === 'retry' && scope === first.scope)
    if (retry !== undefined) {
      retry.position = counter.position
      counter.position += 1
    }
    for (const child of item.inOrder()) this.#order(child, counter)
  }

  #bordersOf(item: Item): Borders {
    const borders = this.#borders.get(item)
    if (borders === undefined)
      throw new CompilationFailure(
        `"${item.name}" is used before it was compiled: it is not part of this flow`,
      )
    return borders
  }

  #node(kind: Node['kind'], scope: Scope, atom?: Task | Retry): Node {
    const node: Node = {
      index: this.#nodes.length,
      kind,
      atom,
      scope,
      before: NONE,
      after: NONE,
      deciders: undefined,
      retry: undefined,
      position: -1,
      declared: this.#declared,
    }
    this.#declared += 1
    this.#nodes.push(node)
    return node
  }
}

export function isAtom(node: Node): boolean {
  return node.atom !== undefined
}

export function atomOf(node: Node): Task | Retry {
  if (node.atom === undefined)
    throw new CompilationFailure(
      `the ${node.kind} of a flow has no atom, expected a task or a retry`,
    )
  return node.atom
}

/** For sorting: the highest priority first, then as declared. */
export function byPriority(a: Node, b: Node): number {
  return atomOf(b).priority - atomOf(a).priority || a.declared - b.declared
}

function connect(from: Node, to: Node): void {
  from.after = added(from.after, to)
  to.before = added(to.before, from)
}

/** Most nodes have one neighbour on each side: an array that grew by itself would keep room for 17. */
function added(nodes: readonly Node[], node: Node): readonly Node[] {
  if (nodes.length === 0) return [node]
  const list = nodes as Node[] // made above
  list.push(node)
  return list
}
