import { inspect } from 'node:util'

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
    if (typeof value !== 'object' || value === null) return value
    this.#parts += 1
    if (depth >= DEEPEST || this.#parts > MOST_PARTS) return Array.isArray(value) ? [] : {}
    if (Array.isArray(value))
      return value.slice(0, MOST_ITEMS).map((item) => this.of(item, depth + 1))
    const prototype: unknown = Object.getPrototypeOf(value)
    return prototype === Object.prototype || prototype === null ? this.#dict(value, depth) : value
  }

  #dict(dict: object, depth: number): object {
    const keys = Object.keys(dict).slice(0, MOST_ITEMS)
    return Object.fromEntries(
      keys.map((key) => [
        key.slice(0, LONGEST),
        this.of((dict as Readonly<Record<string, unknown>>)[key], depth + 1),
      ]),
    )
  }
}
