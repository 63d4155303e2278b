import { inspect } from 'node:util'
import { isLongInteger, LONG_INTEGER } from '../codecs/encodable.ts'

const LONGEST = 200

/** A value as an error message shows it: on one line, never long. */
export function showValue(value: unknown): string {
  const text = inspected(value)
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`
}

function inspected(value: unknown): string {
  try {
    return inspect(new Excerpt().of(value, 0), {
      breakLength: Number.POSITIVE_INFINITY,
      compact: true,
      depth: 4,
      maxStringLength: LONGEST,
    })
  } catch {
    // A value may refuse to be looked at (a throwing getter); its type still helps.
    return `<${typeof value}>`
  }
}

const MOST_ITEMS = 101
const MOST_PARTS = 500
const DEEPEST = 5

/** As much of a value as is shown, so that a million keys cost no more than a hundred. */
class Excerpt {
  #parts = 0

  of(value: unknown, depth: number): unknown {
    if (typeof value === 'bigint' && isLongInteger(value)) return standIn(`<${LONG_INTEGER}>`)
    if (typeof value !== 'object' || value === null) return value
    this.#parts += 1
    if (depth >= DEEPEST || this.#parts > MOST_PARTS) return Array.isArray(value) ? [] : {}
    return Array.isArray(value) ? this.#items(value, depth) : this.#object(value, depth)
  }

  #object(value: object, depth: number): unknown {
    if (value instanceof Map) return new Map(this.#entries(value, depth))
    if (value instanceof Set) return new Set(this.#items(value, depth))
    if (value instanceof Error) return standIn(`[${excerptOfError(value)}]`)
    if (isShownAtOnce(value)) return value
    return this.#dict(value, depth)
  }

  #items(items: Iterable<unknown>, depth: number): unknown[] {
    const shown: unknown[] = []
    for (const item of items) {
      if (shown.push(this.of(item, depth + 1)) === MOST_ITEMS) break
    }
    return shown
  }

  *#entries(map: ReadonlyMap<unknown, unknown>, depth: number): Generator<[unknown, unknown]> {
    let left = MOST_ITEMS
    for (const [key, item] of map) {
      if (left === 0) return
      left -= 1
      yield [this.of(key, depth + 1), this.of(item, depth + 1)]
    }
  }

  /** An instance keeps the name of its class. */
  #dict(dict: object, depth: number): object {
    const keys = Object.keys(dict).slice(0, MOST_ITEMS)
    const entries = keys.map((key): [string, unknown] => [
      key.slice(0, LONGEST),
      this.of((dict as Readonly<Record<string, unknown>>)[key], depth + 1),
    ])
    const prototype: unknown = Object.getPrototypeOf(dict)
    if (prototype === Object.prototype || prototype === null) return Object.fromEntries(entries)
    const shown = Object.create(prototype as object)
    for (const [key, value] of entries) {
      Object.defineProperty(shown, key, { value, enumerable: true })
    }
    return shown
  }
}

/** What holds nothing else, or says itself how it is shown. */
function isShownAtOnce(value: object): boolean {
  return inspect.custom in value || ATOMS.some((type) => value instanceof type)
}

const ATOMS = [
  Date,
  RegExp,
  ArrayBuffer,
  Promise,
  WeakMap,
  WeakSet,
  String,
  Number,
  Boolean,
  DataView,
  Object.getPrototypeOf(Uint8Array) as typeof Uint8Array,
] as const

/** Shown as it is, without quotes. */
function standIn(text: string): object {
  return { [inspect.custom]: () => text }
}

function excerptOfError({ name, message }: Error): string {
  const [shownName, shownMessage] = [name, message].map((part) =>
    typeof part === 'string' ? part.slice(0, LONGEST) : typeof part,
  )
  return shownMessage === '' ? `${shownName}` : `${shownName}: ${shownMessage}`
}
