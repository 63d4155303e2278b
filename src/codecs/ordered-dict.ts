import { setOwn } from './own-key.ts'

/** A JSON object: a plain object where that keeps the order of its keys, else a Map. */
export type Dict = Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>

/** An object whose keys keep their order. `JSON.stringify` writes it like any object, where a Map would be an empty one. */
export class OrderedMap extends Map<string, unknown> {
  toJSON(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this)
  }
}

/** JavaScript moves such keys to the front of an object, in ascending order. */
const INDEX_KEY = /^(?:0|[1-9]\d{0,9})$/

/** Pairs as a plain object, or as a Map where an object would put the keys in another order. */
export function orderedDict(entries: readonly (readonly [string, unknown])[]): Dict {
  if (entries.some(([key]) => INDEX_KEY.test(key))) return new OrderedMap(entries)
  const object: Record<string, unknown> = {}
  for (const [key, value] of entries) setOwn(object, key, value)
  return object
}

export function isDict(value: unknown): value is Dict {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof Map) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

export function entriesOf(dict: Dict): [string, unknown][] {
  return dict instanceof Map
    ? [...dict].map(([key, value]): [string, unknown] => [String(key), value])
    : Object.entries(dict)
}

export function hasKey(dict: Dict, key: string): boolean {
  return dict instanceof Map ? dict.has(key) : Object.hasOwn(dict, key)
}

/** The value of a key of the dict's own; undefined where it has none. */
export function itemAtKey(dict: Dict, key: string): unknown {
  if (dict instanceof Map) return dict.get(key)
  return Object.hasOwn(dict, key) ? (dict as Readonly<Record<string, unknown>>)[key] : undefined
}

/** A deep copy of a JSON value. Numbers and texts are never changed, so they are shared. */
export function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied)
  if (!isDict(value)) return value
  return orderedDict(entriesOf(value).map(([key, item]) => [key, copied(item)]))
}
