import { decodeJson } from '../../codecs/json/json.ts'
import type { Codec } from './codec.ts'
import { NumericArray } from './numeric-array.ts'
import { type Shape, shaper } from './shape.ts'

/**
 * JSON in UTF-8, without blanks. It is read as everywhere in the toolbox: integers beyond 2^53 as bigint, bounded in
 * depth. Arrays of numbers travel as `{ data: [...], dtype, shape }`.
 */
export function json<T = unknown>(shape?: Shape<T>): Codec<T> {
  const shaped = shaper(shape)
  const decoder = new TextDecoder('utf-8', { fatal: true })
  return {
    name: 'json',
    contentType: 'application/json',
    decode: (bytes) => shaped(decodeJson(decoder.decode(bytes))),
    encode: (value) => Buffer.from(jsonText(value), 'utf8'),
  }
}

/** Marks digits that must not be quoted; no text can hold it, as JSON escapes it. */
const MARK = '\u0000bigint:'

function jsonText(value: unknown): string {
  if (value === undefined) throw new TypeError('json() cannot encode undefined; null is a message')
  let hasBigint = false
  const written = JSON.stringify(value, (_key, field: unknown) => {
    if (typeof field === 'bigint') {
      hasBigint = true
      return `${MARK}${field}`
    }
    return encodable(field)
  })
  if (written === undefined) throw new TypeError(`json() cannot encode a ${typeof value}`)
  return hasBigint ? written.replace(/"\\u0000bigint:(-?\d+)"/g, '$1') : written
}

function encodable(field: unknown): unknown {
  if (typeof field === 'number' && !Number.isFinite(field)) {
    throw new TypeError(`json() cannot encode ${field}`)
  }
  if (field instanceof NumericArray) {
    return { data: [...field.data], dtype: field.dtype, shape: field.shape }
  }
  // JSON.stringify would make an empty map of either.
  if (field instanceof Map) return Object.fromEntries(field)
  if (field instanceof Set) throw new TypeError('json() cannot encode a Set, expected a list')
  // A Buffer has been through its own toJSON by now.
  if (field instanceof Uint8Array || isBufferJson(field)) {
    throw new TypeError('json() cannot encode bytes; use msgpack()')
  }
  return ArrayBuffer.isView(field) ? [...(field as Uint16Array)] : field
}

function isBufferJson(field: unknown): boolean {
  return (
    typeof field === 'object' &&
    field !== null &&
    'type' in field &&
    field.type === 'Buffer' &&
    'data' in field &&
    Array.isArray(field.data) &&
    Object.keys(field).length === 2
  )
}
