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
  redact(value: unknown, place: string, task: string | null = null): unknown {
    return this.#walk(value, [], { place, task })
  }

  #walk(value: unknown, path: Path, scope: Scope): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return this.#list(value, path, scope)
    if (value instanceof Map) return this.#map(value, path, scope)
    if (!isDict(value)) return value
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
    if (!this.#rules.hits(path, scope.task)) return this.#walk(item, path, scope)
    this.found.add([scope.place, ...path].join('.'))
    return REDACTED
  }

  /** A call inside a message (a callback, a step of a chain): its arguments are counted from there. */
  #call(call: Dict, path: Path, scope: Scope): unknown {
    const task = String(call.task)
    const entries = Object.entries(call).map(([key, item]) => {
      if (FIXED.has(key)) return [key, item]
      const inner = [...path, key]
      const place = [scope.place, ...inner].join('.')
      if (key === 'args' || key === 'kwargs') return [key, this.#walk(item, [], { place, task })]
      return [key, this.#item(item, inner, scope)]
    })
    return entries.some(([key, item]) => item !== call[String(key)])
      ? Object.fromEntries(entries)
      : call
  }
}

interface Scope {
  readonly place: string
  readonly task: string | null
}

type Dict = Readonly<Record<string, unknown>>

/** What a call is known by stays, whatever rules say: without it the message would be none. */
const FIXED = new Set(['task', 'id', 'subtask_type', 'immutable'])

function isCall(dict: Dict): boolean {
  return typeof dict.task === 'string' && ('args' in dict || 'kwargs' in dict)
}

function isDict(value: object): value is Dict {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
