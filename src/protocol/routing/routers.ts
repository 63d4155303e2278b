import { type RouteOptions, readRoute } from './route-options.ts'

/** What a call is routed by. */
interface RoutedCall {
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: RouteOptions
}

/** A route as a router gives it: options, a queue's name, or nothing. */
type RouterAnswer = RouteOptions | string | null | undefined

/** Decides by the call itself. */
export type RouterFunction = (
  task: string,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  options: RouteOptions,
) => RouterAnswer

/** A task's name, a pattern with `*`, or a regular expression that must match from the name's start; and its route. */
type RoutePair = readonly [name: string | RegExp, route: RouterAnswer]

/** Routes by name or pattern. An object cannot hold regular expressions; a Map or a list of pairs can. */
type RouteTable =
  | Readonly<Record<string, RouterAnswer>>
  | ReadonlyMap<string | RegExp, RouterAnswer>
  | readonly RoutePair[]

/** Celery's task_routes: a function, a table, or a list of these of which the first that knows the task wins. */
export type Router = RouterFunction | RouteTable | readonly Router[]

/** What the routers say of a call; null where none knows it. */
export function lookUpRoute(
  call: RoutedCall & { readonly routers: Router | null },
): RouteOptions | null {
  return call.routers === null ? null : ask(call.routers, call)
}

/** The router of the toolbox: a task goes to the exchange under the first dotted part of its name. */
export function firstPartRouter(exchange: string): RouterFunction {
  const target = { name: exchange, type: 'topic' } as const
  return (task) => {
    const dot = task.indexOf('.')
    return { exchange: target, routingKey: dot < 0 ? task : task.slice(0, dot) }
  }
}

/** Where each queue has a direct exchange of its own: the first dotted part of the name, if it names one of these queues. */
export function knownQueueRouter(queues: readonly string[]): RouterFunction {
  const known = new Set(queues)
  return (task) => {
    const [first = task] = task.split('.', 1)
    return known.has(first) ? { queue: first } : null
  }
}

function ask(router: Router, call: RoutedCall): RouteOptions | null {
  if (typeof router === 'function') {
    return read(router(call.task, call.args, call.kwargs, call.options))
  }
  if (isRouterList(router)) {
    for (const one of router) {
      const route = ask(one, call)
      if (route !== null) return route
    }
    return null
  }
  return read(routeIn(tableOf(router), call.task))
}

function read(answer: RouterAnswer): RouteOptions | null {
  return answer ? readRoute(answer) : null
}

function isRouterList(router: Exclude<Router, RouterFunction>): router is readonly Router[] {
  return Array.isArray(router) && !router.every(isPair)
}

function isPair(item: unknown): item is RoutePair {
  return (
    Array.isArray(item) &&
    item.length === 2 &&
    (typeof item[0] === 'string' || item[0] instanceof RegExp)
  )
}

/** Exact names first, then patterns in the order they were given. */
interface CompiledTable {
  readonly names: ReadonlyMap<string, RouterAnswer>
  readonly patterns: readonly (readonly [pattern: RegExp, route: RouterAnswer])[]
}

const compiledTables = new WeakMap<RouteTable, CompiledTable>()

function tableOf(table: RouteTable): CompiledTable {
  const known = compiledTables.get(table)
  if (known !== undefined) return known
  const compiled = compile(table)
  compiledTables.set(table, compiled)
  return compiled
}

function compile(table: RouteTable): CompiledTable {
  const pairs = pairsOf(table)
  return {
    names: new Map(pairs.filter(isExact)),
    patterns: pairs
      .filter((pair) => !isExact(pair))
      .map(([name, route]) => [patternOf(name), route] as const),
  }
}

function pairsOf(table: RouteTable): readonly RoutePair[] {
  if (Array.isArray(table)) return table
  return table instanceof Map ? [...table] : Object.entries(table)
}

function isExact(pair: RoutePair): pair is readonly [string, RouterAnswer] {
  return typeof pair[0] === 'string' && !pair[0].includes('*')
}

/** Regular expressions match from a name's start; text patterns are shell globs that match all of it (fnmatch). */
function patternOf(name: string | RegExp): RegExp {
  if (name instanceof RegExp) return new RegExp(name.source, `${name.flags.replace(/[gy]/g, '')}y`)
  return new RegExp(`${name.replace(GLOB_PART, globPart)}$`, 'sy')
}

/** A set of characters, or any one that means something to a regular expression or a glob. */
const GLOB_PART = /\[(!?)([^\]]+)\]|[.+^${}()|[\]\\*?]/g

function globPart(part: string, negation: string | undefined, set: string | undefined): string {
  if (set !== undefined) return `[${negation === '!' ? '^' : ''}${set.replaceAll('\\', '\\\\')}]`
  if (part === '*') return '.*'
  return part === '?' ? '.' : `\\${part}`
}

function routeIn({ names, patterns }: CompiledTable, task: string): RouterAnswer {
  if (names.has(task)) return names.get(task)
  for (const [pattern, route] of patterns) {
    pattern.lastIndex = 0
    if (pattern.test(task)) return route
  }
  return null
}
