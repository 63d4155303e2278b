import { ProtocolError } from '../errors.ts'
import { TOO_MANY } from './encode-nodes.ts'
import { MAX_DIGITS } from './limits.ts'
import { isDict } from './ordered-dict.ts'
import { PythonObject } from './values.ts'

/** What one format can hold: null where it can, else the reason why not. */
export interface Format {
  readonly name: string
  readonly maxDepth: number
  readonly reason: (value: unknown) => string | null
  readonly keyReason: (key: unknown) => string | null
}

/** Thrown where a value has no form in a format; `encodeWhole` then looks for where it is, which costs more. */
export const UNENCODABLE = new Error('a value has no form')

/** The bytes or the text of a value. Throws VALUE_UNENCODABLE where an encoder says that there are none. */
export function encodeWhole<T>(value: unknown, format: Format, encode: () => T): T {
  try {
    return encode()
  } catch (error) {
    if (error === UNENCODABLE) throw explainUnencodable(value, format)
    if (error === TOO_MANY) throw tooManyValues(value, format)
    if (hasNoRoom(error)) throw refusal(pathIn(value, []), format, error.message)
    throw error
  }
}

/** No text, and no list of bytes, has room for it; or the stack has not. */
function hasNoRoom(error: unknown): error is RangeError {
  return error instanceof RangeError && NO_ROOM.test(error.message)
}

const NO_ROOM = /^(?:Invalid string length|Maximum call stack|it has more than \d+ bytes)/

/**
 * Finds the value that has no form, and says where it is and why. A task body (args, kwargs, embed) is
 * recognised by its shape, so that the path reads as the caller wrote the call: `args[0].x`.
 */
function explainUnencodable(root: unknown, format: Format): ProtocolError {
  const found = new Search(format).in(root)
  return refusal(pathIn(root, found?.steps ?? []), format, found?.reason ?? 'it has no form there')
}

/** Which argument it is that holds so many is known where the others are few. */
function tooManyValues(root: unknown, format: Format): ProtocolError {
  const large = isTaskBody(root) ? largeParts(root) : []
  const path = pathIn(root, large.length === 1 ? (large[0] ?? []) : [])
  return refusal(path, format, 'it holds more values than MESSAGE_LIMIT_NODES allows')
}

function refusal(path: string, format: Format, reason: string): ProtocolError {
  return new ProtocolError(
    'VALUE_UNENCODABLE',
    `cannot encode ${path} as ${format.name}: ${reason}`,
  )
}

/** The arguments that hold many values, by the steps to them. */
function largeParts(body: readonly unknown[]): (readonly string[])[] {
  const [args, kwargs, embed] = body as [readonly unknown[], object, object]
  const parts: (readonly [steps: readonly string[], part: unknown])[] = [
    ...args.slice(0, MOST_NAMED).map((part, at) => [['[0]', `[${at}]`], part] as const),
    ...Object.entries(kwargs).map(([key, part]) => [['[1]', stepTo(key)], part] as const),
    [['[2]'], embed],
  ]
  return parts.filter(([, part]) => holdsMany(part)).map(([steps]) => steps)
}

const MOST_NAMED = 100
const MANY = 100_000

/** Whether it holds so many values that no other need be looked at. */
function holdsMany(root: unknown): boolean {
  const open = [root]
  for (let seen = 0; open.length > 0; seen += 1) {
    const value = open.pop()
    if (seen + open.length > MANY) return true
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue
    const inner = Array.isArray(value) ? value : Object.values(value)
    if (inner.length > MANY) return true
    open.push(...inner)
  }
  return false
}

/** Why no text format has a form for this value; null when it is data. */
export function notDataReason(value: unknown): string | null {
  if (typeof value === 'function') return `it is a function (${value.name || 'anonymous'})`
  if (typeof value === 'symbol') return `it is a symbol (${String(value)})`
  return typeof value === 'object' && value !== null ? notDataObject(value) : null
}

function notDataObject(value: object): string | null {
  if (value instanceof PythonObject) return `it is an instance of the Python class ${value.path}`
  if (value instanceof Promise) return 'it is a Promise; await it first'
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'it is an invalid Date' : null
  if (hasToJson(value)) return null
  return STRANGE.some((type) => value instanceof type) || isOddView(value)
    ? `it is of class ${value.constructor.name}; send a plain object or an array instead`
    : null
}

/** Whether the object says itself what it is in JSON. */
export function hasToJson(value: object): value is { toJSON(key: string): unknown } {
  // A Map has its own form, which keeps the order of its keys.
  return !(value instanceof Map) && 'toJSON' in value && typeof value.toJSON === 'function'
}

/** Python reads and prints no integer of more digits. */
export function isLongInteger(value: unknown): boolean {
  return typeof value === 'bigint' && (value >= TOO_LONG || value <= -TOO_LONG)
}

export const LONG_INTEGER = `the integer has more than ${MAX_DIGITS} digits`

const TOO_LONG = 10n ** BigInt(MAX_DIGITS)

const STRANGE = [Error, RegExp, WeakMap, WeakSet, ArrayBuffer, SharedArrayBuffer] as const

function isOddView(value: object): boolean {
  return ArrayBuffer.isView(value) && !(value instanceof Uint8Array)
}

interface Found {
  /** From the root to it. */
  readonly steps: readonly string[]
  readonly reason: string
}

/** So many values are looked at to say where one is. */
const MOST_SEEN = 250_000

class Search {
  readonly #format: Format
  readonly #above = new Set<unknown>()
  #seen = 0

  constructor(format: Format) {
    this.#format = format
  }

  in(root: unknown): Found | undefined {
    const found = this.#at(root, 0)
    const isSeen = this.#seen <= MOST_SEEN
    return isSeen ? found : { steps: [], reason: 'some value in it has no form there' }
  }

  #at(value: unknown, depth: number): Found | undefined {
    this.#seen += 1
    if (this.#seen > MOST_SEEN) return { steps: [], reason: '' }
    const reason = this.#above.has(value) ? 'it contains itself' : this.#format.reason(value)
    if (reason !== null) return { steps: [], reason }
    if (typeof value !== 'object' || value === null) return undefined
    if (depth >= this.#format.maxDepth) {
      return { steps: [], reason: `it nests deeper than ${this.#format.maxDepth} levels` }
    }
    const key = keysOf(value).find((each) => this.#format.keyReason(each) !== null)
    if (key !== undefined) {
      return { steps: [' (a key)'], reason: this.#format.keyReason(key) ?? '' }
    }
    this.#above.add(value)
    const found = this.#inside(value, depth)
    this.#above.delete(value)
    return found
  }

  #inside(value: object, depth: number): Found | undefined {
    for (const [step, inner] of stepsInto(value)) {
      const found = this.#at(inner, depth + 1)
      if (found !== undefined) return { ...found, steps: [stepText(step), ...found.steps] }
    }
    return undefined
  }
}

function keysOf(value: object): readonly unknown[] {
  if (value instanceof Map) return [...value.keys()]
  const isKeyless = Array.isArray(value) || ArrayBuffer.isView(value) || hasToJson(value)
  return isKeyless ? [] : Object.keys(value)
}

/** One by one: a list may have holes, and a million items are not named for the sake of one. */
function* stepsInto(
  value: object,
): Generator<readonly [step: string | number | null, inner: unknown]> {
  if (value instanceof Uint8Array || value instanceof Date) return
  if (Array.isArray(value)) yield* value.entries()
  else if (value instanceof Set) yield* [...value].entries()
  else if (value instanceof Map) for (const [key, item] of value) yield [String(key), item]
  else if (hasToJson(value)) yield [null, value.toJSON('')]
  else yield* Object.entries(value)
}

function stepText(step: string | number | null): string {
  if (step === null) return ''
  return typeof step === 'number' ? `[${step}]` : stepTo(step)
}

function stepTo(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

function isTaskBody(value: unknown): value is readonly unknown[] {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [args, kwargs, embed] = value
  return Array.isArray(args) && isDict(kwargs) && isDict(embed)
}

/** The whole path to something that deep would not help. */
function pathIn(root: unknown, steps: readonly string[]): string {
  const path = steps.slice(0, 61).join('')
  const short = path.length > 60 ? `${path.slice(0, 60)}…` : path
  return isTaskBody(root) ? bodyPath(short) : `value${short}`
}

function bodyPath(path: string): string {
  if (path === '') return 'a call'
  return path.replace(/^\[([012])\]/, (_, index) => ['args', 'kwargs', 'embed'][index] ?? '')
}
