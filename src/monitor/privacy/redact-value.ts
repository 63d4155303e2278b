import { isRecord } from '../../protocol/field-readers.ts'
import { type Path, REDACTED, type RedactionRules } from './redaction-rules.ts'

/** Goes through values and takes out what the rules name, noting where. What holds nothing of it stays the same object. */
export class ValueRedactor {
  /** Where something was taken out, as `kwargs.user.password`. */
  readonly found = new Set<string>()
  readonly #rules: RedactionRules

  constructor(rules: RedactionRules) {
    this.#rules = rules
  }

  /** `place` is what the path starts at in what is noted. */
  redact(value: unknown, place: string): unknown {
    return this.#walk(value, [], { place, calls: [] })
  }

  /** The positional or the named arguments of a call of the task. */
  redactArguments(value: unknown, place: 'args' | 'kwargs', task: string): unknown {
    return this.#arguments(value, [], { place, calls: [{ task, start: 0 }] })
  }

  #walk(value: unknown, path: Path, scope: Scope): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return this.#list(value, path, scope)
    if (value instanceof Map) return this.#map(value, path, scope)
    if (!isRecord(value)) return value
    return isCall(value) ? this.#call(value, path, scope) : this.#dict(value, path, scope)
  }

  #list(list: readonly unknown[], path: Path, scope: Scope): unknown {
    const items = list.map((item, at) => this.#item(item, [...path, String(at)], scope))
    return items.some((item, at) => item !== list[at]) ? items : list
  }

  #dict(dict: Dict, path: Path, scope: Scope): unknown {
    const entries = Object.entries(dict)
    const redacted = entries.map(([key, item]) => [key, this.#item(item, [...path, key], scope)])
    return redacted.some(([, item], at) => item !== entries[at]?.[1])
      ? Object.fromEntries(redacted)
      : dict
  }

  #map(map: ReadonlyMap<unknown, unknown>, path: Path, scope: Scope): unknown {
    const entries = [...map]
    const redacted = entries.map(
      ([key, item]) => [key, this.#item(item, [...path, String(key)], scope)] as const,
    )
    return redacted.some(([, item], at) => item !== entries[at]?.[1]) ? new Map(redacted) : map
  }

  #item(item: unknown, path: Path, scope: Scope): unknown {
    const isGone = this.#isHit(path, scope) || this.#shows(item, path.at(-1))
    return isGone ? this.#gone(path, scope) : this.#walk(item, path, scope)
  }

  /** What a call that is to follow says of its arguments. */
  #shows(item: unknown, key: string | undefined): boolean {
    const isShown = key === 'argsrepr' || key === 'kwargsrepr'
    return isShown && typeof item === 'string' && this.#rules.hitsText(item)
  }

  #isHit(path: Path, { calls }: Scope): boolean {
    if (this.#rules.hits(path)) return true
    return calls.some(({ task, ...call }) =>
      countedFrom(call, path).some((counted) => this.#rules.hitsOf(counted, task)),
    )
  }

  #gone(path: Path, { place }: Scope): string {
    this.found.add([place, ...path].join('.'))
    return REDACTED
  }

  /** A call inside a message (a callback, a step of a chain): its arguments are counted from there, too. */
  #call(call: Dict, path: Path, { place, calls }: Scope): unknown {
    const entries = Object.entries(call).map(([key, item]) => {
      if (FIXED.has(key)) return [key, item]
      const inner = [...path, key]
      if (key !== 'args' && key !== 'kwargs')
        return [key, this.#item(item, inner, { place, calls })]
      const before = key === 'args' ? givenBefore(call, path) : []
      const own = { task: String(call.task), start: inner.length, before }
      return [key, this.#arguments(item, inner, { place, calls: [...calls, own] })]
    })
    return entries.some(([key, item]) => item !== call[String(key)])
      ? Object.fromEntries(entries)
      : call
  }

  /** Of the last call of the scope. What should be a list, and is none, may hold any of them. */
  #arguments(value: unknown, path: Path, scope: Scope): unknown {
    const task = scope.calls.at(-1)?.task ?? ''
    const isNamed = path.at(-1) === 'kwargs' || (path.length === 0 && scope.place === 'kwargs')
    if (isNamed) return this.#walk(value, path, withEach(value, task, { path, scope }))
    const isOdd = value !== null && value !== undefined && !Array.isArray(value)
    return isOdd && this.#rules.countsArgumentsOf(task)
      ? this.#gone(path, scope)
      : this.#walk(value, path, scope)
  }
}

interface Scope {
  readonly place: string
  /** Those whose arguments this is in, from the outside to the inside. */
  readonly calls: readonly Counted[]
}

/** Where the arguments of a call begin, in the path. */
interface Counted {
  readonly task: string
  readonly start: number
  /** What its own path begins with where it is one argument of it: `celery.map` calls its task with each item. */
  readonly prefix?: Path
  /** How many arguments may be put before these when it is run; none is always among them. */
  readonly before?: readonly number[]
}

/** The ways to count the path from the arguments of a call. */
function countedFrom(
  { start, prefix = [], before = [] }: Omit<Counted, 'task'>,
  path: Path,
): Path[] {
  const own = [...prefix, ...path.slice(start)]
  const [first = '', ...rest] = own
  return [own, ...before.map((count) => [String(Number(first) + count), ...rest])]
}

/** What ran before passes its result on, and a failure the id of its task, or the request, the error and its traceback. */
function givenBefore({ immutable }: Dict, path: Path): readonly number[] {
  if (immutable === true) return []
  return path.includes('errbacks') || path.includes('link_error') ? [1, 3] : [1]
}

/** Celery's own tasks that call another with each item of `it`: as its one argument, or as all of them. */
const EACH: ReadonlyMap<string, Path> = new Map([
  ['celery.map', ['0']],
  ['celery.starmap', []],
  ['celery.chunks', []],
])

function withEach(
  kwargs: unknown,
  name: string,
  { path, scope }: { readonly path: Path; readonly scope: Scope },
): Scope {
  const prefix = EACH.get(name)
  if (prefix === undefined || typeof kwargs !== 'object' || kwargs === null) return scope
  const { task: inner } = kwargs as Dict
  if (typeof inner !== 'object' || inner === null) return scope
  // Below kwargs, `it` and the position of the item.
  const each = { task: String((inner as Dict).task), start: path.length + 2, prefix }
  return { ...scope, calls: [...scope.calls, each] }
}

type Dict = Readonly<Record<string, unknown>>

/** The name and id of a call stay, even if a rule matches them: without them it could not be read. */
const FIXED = new Set(['task', 'id', 'subtask_type', 'immutable'])

function isCall(dict: Dict): boolean {
  return typeof dict.task === 'string' && ('args' in dict || 'kwargs' in dict)
}
