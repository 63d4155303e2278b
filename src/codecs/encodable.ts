import { ProtocolError } from '../errors.ts'
import { isDict } from './ordered-dict.ts'
import { PythonObject } from './values.ts'

/** What one format can hold: null where it can, else the reason why not. */
export interface Format {
  readonly name: string
  readonly maxDepth: number
  readonly reason: (value: unknown) => string | null
  readonly keyReason: (key: unknown) => string | null
}

/**
 * Finds the value that has no form, and says where it is and why. A task body (args, kwargs, embed) is
 * recognised by its shape, so that the path reads as the caller wrote the call: `args[0].x`.
 */
export function explainUnencodable(root: unknown, format: Format): ProtocolError {
  const start = isTaskBody(root) ? '' : 'value'
  const found = search({ value: root, path: start, above: [] }, format)
  const path = start === '' ? bodyPath(found?.path ?? '') : (found?.path ?? start)
  const reason = found?.reason ?? 'it has no form there'
  return new ProtocolError(
    'VALUE_UNENCODABLE',
    `cannot encode ${path} as ${format.name}: ${reason}`,
  )
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

const STRANGE = [Error, RegExp, WeakMap, WeakSet, ArrayBuffer, SharedArrayBuffer] as const

function isOddView(value: object): boolean {
  return ArrayBuffer.isView(value) && !(value instanceof Uint8Array)
}

interface Place {
  readonly value: unknown
  readonly path: string
  readonly above: readonly unknown[]
}

function search(place: Place, format: Format): { path: string; reason: string } | undefined {
  const { value, path, above } = place
  const reason = above.includes(value) ? 'it contains itself' : format.reason(value)
  if (reason !== null) return { path, reason }
  if (typeof value !== 'object' || value === null) return undefined
  if (above.length >= format.maxDepth) {
    return { path: start(path), reason: `it nests deeper than ${format.maxDepth} levels` }
  }
  const key = keysOf(value).find((each) => format.keyReason(each) !== null)
  if (key !== undefined) return { path: `${path} (a key)`, reason: format.keyReason(key) ?? '' }
  for (const [step, inner] of stepsInto(value)) {
    const found = search({ value: inner, path: path + step, above: [...above, value] }, format)
    if (found !== undefined) return found
  }
  return undefined
}

function keysOf(value: object): readonly unknown[] {
  if (value instanceof Map) return [...value.keys()]
  const isKeyless = Array.isArray(value) || ArrayBuffer.isView(value) || hasToJson(value)
  return isKeyless ? [] : Object.keys(value)
}

function stepsInto(value: object): (readonly [step: string, inner: unknown])[] {
  if (value instanceof Uint8Array || value instanceof Date) return []
  if (Array.isArray(value)) return value.map((item, index) => [`[${index}]`, item])
  if (value instanceof Set) return [...value].map((item, index) => [`[${index}]`, item])
  if (value instanceof Map) return [...value].map(([key, item]) => [stepTo(String(key)), item])
  if (hasToJson(value)) return [['', value.toJSON('')]]
  return Object.entries(value).map(([key, item]) => [stepTo(key), item])
}

function stepTo(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

function isTaskBody(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [args, kwargs, embed] = value
  return Array.isArray(args) && isDict(kwargs) && isDict(embed)
}

function bodyPath(path: string): string {
  return path.replace(/^\[([012])\]/, (_, index) => ['args', 'kwargs', 'embed'][index] ?? '')
}

/** The whole path to something that deep would not help. */
function start(path: string): string {
  return path.length > 60 ? `${path.slice(0, 60)}…` : path
}
