import { DateTime, LocalDate } from './values.ts'

/**
 * A value of YAML in a form that crosses over between threads, as classes of our own do not: a boxed text, of which
 * YAML has none, stands for a date or a time.
 */
export function toThread(value: unknown): unknown {
  return new Copy((leaf) =>
    leaf instanceof DateTime || leaf instanceof LocalDate ? Object(leaf.toString()) : leaf,
  ).of(value)
}

/** The value again. */
export function fromThread(value: unknown): unknown {
  return new Copy((leaf) => (leaf instanceof String ? dateIn(leaf.toString()) : leaf)).of(value)
}

function dateIn(text: string): DateTime | LocalDate {
  return text.includes('T') ? new DateTime(text) : new LocalDate(text)
}

/** Copies containers, and keeps shared what is shared. */
class Copy {
  readonly #leaf: (value: unknown) => unknown
  readonly #done = new Map<object, unknown>()

  constructor(leaf: (value: unknown) => unknown) {
    this.#leaf = leaf
  }

  of(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    let copy = this.#done.get(value)
    if (copy === undefined) {
      copy = this.#copyOf(value)
      this.#done.set(value, copy)
    }
    return copy
  }

  #copyOf(value: object): unknown {
    if (value instanceof Uint8Array) {
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    }
    if (Array.isArray(value)) return value.map((item) => this.of(item))
    if (value instanceof Set) return new Set([...value].map((item) => this.of(item)))
    if (value instanceof Map) {
      return new Map([...value].map(([key, item]) => [this.of(key), this.of(item)]))
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) return this.#leaf(value)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.of(item)]))
  }
}
