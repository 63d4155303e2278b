import { Float } from '../codecs/values.ts'
import { ProtocolError } from '../errors.ts'
import { showValue } from './show-value.ts'

/** Named values from another program: headers, or an object of a body. */
export type Source = Readonly<Record<string, unknown>>

/** A plain object: what JSON calls an object. Typed values (dates, decimals, ...) are none. */
export function isRecord(value: unknown): value is Source {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Names the field, shows its value, says what was expected. */
export function invalidField(
  field: string,
  value: unknown,
  expected: string,
  cause?: unknown,
): ProtocolError {
  const found = value === undefined ? 'is missing' : `is ${showValue(value)}`
  return new ProtocolError(
    'MESSAGE_INVALID',
    `${field} ${found}, expected ${expected}`,
    cause === undefined ? {} : { cause },
  )
}

/** An id, or a name: text that is there and not empty. A number is taken as its digits, as Python takes it. */
export function requiredText(source: Source, field: string): string {
  const text = digitsAsText(source[field])
  if (typeof text === 'string' && text !== '') return text
  throw invalidField(field, text, 'a text that is not empty')
}

export function optionalText(source: Source, field: string): string | null {
  const text = digitsAsText(source[field])
  if (typeof text === 'string') return text
  if (text === null || text === undefined) return null
  throw invalidField(field, text, 'a text or null')
}

/** Text that only people read: a value of any type is shown, since Python does not check it either. */
export function shownText(source: Source, field: string): string | null {
  const value = source[field]
  if (typeof value === 'string') return value
  return value === null || value === undefined ? null : showValue(value)
}

/** The value where it is text; null for anything else. */
export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** A number that is not negative; 1.0 and "1" mean 1. */
export function optionalCount(source: Source, field: string): number | null {
  const value = source[field]
  if (value === null || value === undefined) return null
  const number = asNumber(value)
  if (number !== null && number >= 0) return number
  throw invalidField(field, value, 'a number from 0, or null')
}

/** Whether Python would take the value for true; null where nothing is said. */
export function optionalTruth(source: Source, field: string): boolean | null {
  const value = source[field]
  if (typeof value === 'boolean') return value
  return value === null || value === undefined ? null : Boolean(value)
}

/** A finite number, given as a number or as digits; null for any other value. */
export function asNumber(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (value instanceof Float) return asNumber(value.value)
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : null
}

function digitsAsText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : value
}
