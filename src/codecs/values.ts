import { inspect } from 'node:util'
import { ProtocolError } from '../errors.ts'
import { floatText } from './numbers.ts'

export { DateTime, LocalDate, LocalTime, TimeDelta } from './temporal.ts'

const DECIMAL = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|Inf(?:inity)?|s?NaN\d*)$/i
const HEX_32 = /^[0-9a-f]{32}$/

/** A decimal number kept digit for digit: Python's `Decimal`. */
export class Decimal {
  readonly text: string

  constructor(text: string) {
    if (!DECIMAL.test(text)) {
      throw new ProtocolError(
        'MESSAGE_UNDECODABLE',
        `${inspect(text.slice(0, 60))} is not a decimal number; expected digits such as 12.3400`,
      )
    }
    this.text = text
    Object.freeze(this)
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }

  valueOf(): number {
    return Number(this.text)
  }

  [inspect.custom](): string {
    return `Decimal(${this.text})`
  }
}

/** A UUID; `hex` has no dashes, `text` has. */
export class Uuid {
  readonly hex: string

  constructor(text: string) {
    const hex = text
      .replace(/^urn:uuid:/i, '')
      .replace(/[{}-]/g, '')
      .toLowerCase()
    if (!HEX_32.test(hex)) {
      throw new ProtocolError(
        'MESSAGE_UNDECODABLE',
        `${inspect(text.slice(0, 60))} is not a UUID; expected 32 hexadecimal digits`,
      )
    }
    this.hex = hex
    Object.freeze(this)
  }

  get text(): string {
    return this.hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }

  [inspect.custom](): string {
    return `Uuid(${this.text})`
  }
}

/** A number that stays a float on the wire: `new Float(1)` is sent as `1.0`. */
export class Float {
  readonly value: number

  constructor(value: number) {
    this.value = value
    Object.freeze(this)
  }

  valueOf(): number {
    return this.value
  }

  toString(): string {
    return floatText(this.value)
  }

  toJSON(): number {
    return this.value
  }

  [inspect.custom](): string {
    return `Float(${this.toString()})`
  }
}

/** A Python tuple: a frozen array. JSON sends it as an array, pickle and repr as a tuple. */
export class Tuple<T = unknown> extends Array<T> {
  /** `map`, `filter` and the like give plain arrays. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  constructor(...items: T[]) {
    super()
    for (const item of items) this.push(item)
    Object.freeze(this)
  }

  static override of<T>(...items: T[]): Tuple<T> {
    return tupleOf([...items])
  }

  static override from<T>(items: Iterable<T> | ArrayLike<T>): Tuple<T> {
    return tupleOf(Array.from(items))
  }
}

/**
 * An instance of a Python class that we do not build: its name and what it was made with, never run.
 * Printing it shows the name alone, as what is inside may be a secret (saved groups hold a database URL).
 */
export class PythonObject {
  readonly module: string
  readonly name: string
  /** What its constructor (or its reduce function) was called with. */
  readonly args: readonly unknown[]
  /** What was set on it afterwards: its attributes as a rule; null when nothing was. */
  readonly state: unknown

  constructor(module: string, name: string, args: readonly unknown[] = [], state: unknown = null) {
    this.module = module
    this.name = name
    this.args = args
    this.state = state
    Object.freeze(this)
  }

  /** Where Python finds the class, e.g. `proj.errors.CustomError`. */
  get path(): string {
    return `${this.module}.${this.name}`
  }

  toString(): string {
    return `<${this.path}>`
  }

  toJSON(): { readonly python: string } {
    return { python: this.path }
  }

  [inspect.custom](): string {
    return `PythonObject <${this.path}>`
  }
}

// An array given another prototype, as a constructor that takes a million arguments overflows the stack.
function tupleOf<T>(items: T[]): Tuple<T> {
  Object.setPrototypeOf(items, Tuple.prototype)
  return Object.freeze(items) as Tuple<T>
}
