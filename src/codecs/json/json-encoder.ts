import { isUtf8 } from 'node:buffer'
import { type Format, hasToJson, notDataReason } from '../encodable.ts'
import { clockText, dateText, isoText } from '../iso-text.ts'
import { floatText, isWholeNumber } from '../numbers.ts'
import { DateTime, Decimal, Float, LocalDate, LocalTime, TimeDelta, Uuid } from '../values.ts'

/** Thrown where a value has no form in JSON; the caller then looks for where it is, which costs more. */
export const UNENCODABLE = new Error('a value has no form in JSON')

/** What JSON can hold. Python stops near this depth too. */
export const JSON_FORMAT: Format = {
  name: 'JSON',
  maxDepth: 900,
  reason: jsonReason,
  keyReason,
}

/** JSON text as Python's json.dumps gives it. Throws `UNENCODABLE`, also for nesting beyond `depth`. */
export function jsonText(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'number':
      return isWholeNumber(value) ? String(value) : jsonFloat(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      return value === null ? 'null' : objectText(value, depth - 1)
    case 'undefined':
      return 'null'
    case 'bigint':
      return String(value)
    default:
      throw UNENCODABLE
  }
}

function objectText(value: object, depth: number): string {
  if (depth < 0) throw UNENCODABLE
  if (Array.isArray(value)) return listText(value, depth)
  const prototype = Object.getPrototypeOf(value)
  if ((prototype === Object.prototype || prototype === null) && !('toJSON' in value)) {
    return dictText(value as Record<string, unknown>, depth)
  }
  return typedText(value) ?? instanceText(value, depth)
}

function listText(items: readonly unknown[], depth: number): string {
  if (items.length === 0) return '[]'
  let text = `[${jsonText(items[0], depth)}`
  for (let index = 1; index < items.length; index += 1) text += `, ${jsonText(items[index], depth)}`
  return `${text}]`
}

function dictText(dict: Readonly<Record<string, unknown>>, depth: number): string {
  let text = ''
  for (const key of Object.keys(dict)) {
    const value = dict[key]
    if (value === undefined) continue
    text += `${text === '' ? '{' : ', '}${quoted(key)}: ${jsonText(value, depth)}`
  }
  return text === '' ? '{}' : `${text}}`
}

/** The values JSON lacks, wrapped as kombu 5.3 and later do. */
function typedText(value: object): string | undefined {
  if (value instanceof DateTime) return wrapped('datetime', quoted(isoText(value.fields)))
  if (value instanceof Date && !Number.isNaN(value.getTime())) {
    return wrapped('datetime', quoted(dateText(value)))
  }
  if (value instanceof Uint8Array) return bytesText(value)
  if (value instanceof Decimal) return wrapped('decimal', quoted(value.text))
  if (value instanceof Uuid) return wrapped('uuid', `{"hex": "${value.hex}"}`)
  if (value instanceof Float) return jsonFloat(value.value)
  if (value instanceof LocalDate) return wrapped('date', quoted(value.toString()))
  if (value instanceof LocalTime) return wrapped('time', quoted(clockText(value.fields)))
  return undefined
}

function instanceText(value: object, depth: number): string {
  if (jsonReason(value) !== null) throw UNENCODABLE
  if (hasToJson(value)) return jsonText(value.toJSON(''), depth)
  if (value instanceof Map) return mapText(value, depth)
  if (value instanceof Number || value instanceof String || value instanceof Boolean) {
    return jsonText(value.valueOf(), depth)
  }
  return dictText(value as Record<string, unknown>, depth)
}

function mapText(map: ReadonlyMap<unknown, unknown>, depth: number): string {
  const entries = [...map]
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${keyText(key)}: ${jsonText(value, depth)}`)
  return `{${entries.join(', ')}}`
}

/** Python turns the keys of a dict into text: None is "null", True is "true", 1.5 is "1.5". */
function keyText(key: unknown): string {
  if (typeof key === 'string') return quoted(key)
  if (keyReason(key) !== null) throw UNENCODABLE
  return `"${jsonText(key, 1)}"`
}

function keyReason(key: unknown): string | null {
  if (key === null || key instanceof Float || KEY_TYPES.has(typeof key)) return null
  return 'it is neither text, number, boolean nor null'
}

const KEY_TYPES: ReadonlySet<string> = new Set(['string', 'number', 'bigint', 'boolean'])

function jsonReason(value: unknown): string | null {
  if (value instanceof Set) return 'it is a Set; send an array instead'
  if (value instanceof TimeDelta) return 'it is a TimeDelta; send its totalSeconds instead'
  return notDataReason(value)
}

function bytesText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (isUtf8(buffer)) return wrapped('bytes', quoted(buffer.toString('utf8')))
  return wrapped('base64', `"${buffer.toString('base64')}"`)
}

function wrapped(type: string, value: string): string {
  return `{"__type__": "${type}", "__value__": ${value}}`
}

function jsonFloat(value: number): string {
  if (Number.isFinite(value)) return floatText(value)
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? 'Infinity' : '-Infinity'
}

const NEEDS_ESCAPE = /[^ !#-[\]-~]/
const ESCAPED = /[^ !#-[\]-~]/g
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
}

function quoted(text: string): string {
  return NEEDS_ESCAPE.test(text) ? `"${text.replace(ESCAPED, escaped)}"` : `"${text}"`
}

// Without the u flag a character beyond 16 bits comes as its two surrogates, which is how Python writes it.
function escaped(character: string): string {
  return SHORT_ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
