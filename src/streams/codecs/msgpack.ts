import { decodeMsgpack, encodeMsgpack } from '../../codecs/msgpack/msgpack.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import type { Codec } from './codec.ts'
import { asNumericArray, NumericArray } from './numeric-array.ts'
import { type Shape, shaper } from './shape.ts'

/**
 * MessagePack as Python's msgpack writes it. Maps `{ data: bin, dtype, shape }` are NumericArrays, both ways; maps with
 * `msg_type` are Start, Event and Stop, unless another shape is given.
 */
export function msgpack<T = unknown>(shape?: Shape<T>): Codec<T> {
  const shaped = shaper(shape)
  return {
    name: 'msgpack',
    contentType: 'application/x-msgpack',
    decode: (bytes) => shaped(revived(decodeMsgpack(bytes, { shareBytes: true }))),
    encode: (value) => encodeMsgpack(plain(value)),
  }
}

/** Arrays in place of the maps that stand for them, however deep. The decoder has bounded the depth. */
function revived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) value[index] = revived(value[index])
    return value
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  const fields = value as Record<string, unknown>
  const array = asNumericArray(fields)
  if (array !== fields) return array
  for (const key of Object.keys(fields)) {
    const field = fields[key]
    if (typeof field === 'object' && field !== null) replace(fields, key, revived(field))
  }
  return fields
}

function replace(fields: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(fields, key, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  })
}

/** The value with maps in place of its arrays; itself where it has none. */
function plain(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (value instanceof NumericArray) {
    return { data: value.bytes(), dtype: value.dtype, shape: value.shape }
  }
  if (ArrayBuffer.isView(value)) return plain(new NumericArray(value as Uint16Array)) // the constructor checks its class
  if (depth > MOST_LEVELS) return value // the encoder says where it is nested too deeply
  if (Array.isArray(value)) {
    return value.some(isObject) ? value.map((item) => plain(item, depth + 1)) : value
  }
  if (!hasFields(value)) return value
  const entries = Object.entries(value)
  if (!entries.some(([, field]) => isObject(field))) return value
  return Object.fromEntries(entries.map(([key, field]) => [key, plain(field, depth + 1)]))
}

const MOST_LEVELS = 500

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

/** Plain maps and the toolbox's own messages; values with a form of their own (dates, …) are left to the encoder. */
function hasFields(value: object): boolean {
  return isRecord(value) || 'msg_type' in value
}
