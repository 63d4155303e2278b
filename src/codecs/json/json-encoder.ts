import { isUtf8 } from 'node:buffer'
import {
  type Format,
  hasToJson,
  isLongInteger,
  LONG_INTEGER,
  notDataReason,
  UNENCODABLE,
} from '../encodable.ts'
import type { EncodeNodes } from '../encode-nodes.ts'
import { clockText, dateText, isoText } from '../iso-text.ts'
import { floatText, isWholeNumber } from '../numbers.ts'
import { DateTime, Decimal, Float, LocalDate, LocalTime, TimeDelta, Uuid } from '../values.ts'

/** What JSON can hold. Python stops near this depth too. */
export const JSON_FORMAT: Format = {
  name: 'JSON',
  maxDepth: 900,
  reason: jsonReason,
  keyReason,
}

/** JSON text as Python's json.dumps gives it. Throws `UNENCODABLE`, also for nesting beyond `depth`. */
export function jsonText(value: unknown, depth: number, nodes: EncodeNodes): string {
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'number':
      return isWholeNumber(value) ? String(value) : jsonFloat(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      return value === null ? 'null' : objectText(value, depth - 1, nodes)
    case 'undefined':
      return 'null'
    case 'bigint':
      if (isLongInteger(value)) throw UNENCODABLE
      return String(value)
    default:
      throw UNENCODABLE
  }
}

function objectText(value: object, depth: number, nodes: EncodeNodes): string {
  if (depth < 0) throw UNENCODABLE
  if (Array.isArray(value)) return listText(value, depth, nodes)
  const prototype = Object.getPrototypeOf(value)
  if ((prototype === Object.prototype || prototype === null) && !('toJSON' in value)) {
    return dictText(value as Record<string, unknown>, depth, nodes)
  }
  return typedText(value) ?? instanceText(value, depth, nodes)
}

function listText(items: readonly unknown[], depth: number, nodes: EncodeNodes): string {
  if (items.length === 0) return '[]'
  nodes.take(items.length)
  let text = `[${jsonText(items[0], depth, nodes)}`
  for (let index = 1; index < items.length; index += 1) {
    text += `, ${jsonText(items[index], depth, nodes)}`
  }
  return `${text}]`
}

function dictText(
  dict: Readonly<Record<string, unknown>>,
  depth: number,
  nodes: EncodeNodes,
): string {
  let text = ''
  const keys = Object.keys(dict)
  nodes.take(keys.length)
  for (const key of keys) {
    const value = dict[key]
    if (value === undefined) continue
    text += `${text === '' ? '{' : ', '}${quoted(key)}: ${jsonText(value, depth, nodes)}`
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

function instanceText(value: object, depth: number, nodes: EncodeNodes): string {
  if (jsonReason(value) !== null) throw UNENCODABLE
  if (hasToJson(value)) return jsonText(value.toJSON(''), depth, nodes)
  if (value instanceof Map) return mapText(value, depth, nodes)
  if (value instanceof Number || value instanceof String || value instanceof Boolean) {
    return jsonText(value.valueOf(), depth, nodes)
  }
  return dictText(value as Record<string, unknown>, depth, nodes)
}

function mapText(map: ReadonlyMap<unknown, unknown>, depth: number, nodes: EncodeNodes): string {
  nodes.take(map.size)
  const entries = [...map]
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${keyText(key, nodes)}: ${jsonText(value, depth, nodes)}`)
  return `{${entries.join(', ')}}`
}

/** Python turns the keys of a dict into text: None is "null", True is "true", 1.5 is "1.5". */
function keyText(key: unknown, nodes: EncodeNodes): string {
  if (typeof key === 'string') return quoted(key)
  if (keyReason(key) !== null) throw UNENCODABLE
  return `"${jsonText(key, 1, nodes)}"`
}

function keyReason(key: unknown): string | null {
  if (key === null || key instanceof Float || KEY_TYPES.has(typeof key)) return null
  return 'it is neither text, number, boolean nor null'
}

const KEY_TYPES: ReadonlySet<string> = new Set(['string', 'number', 'bigint', 'boolean'])

function jsonReason(value: unknown): string | null {
  if (value instanceof Set) return 'it is a Set; send an array instead'
  if (value instanceof TimeDelta) return 'it is a TimeDelta; send its totalSeconds instead'
  if (isLongInteger(value)) return LONG_INTEGER
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
  if (!NEEDS_ESCAPE.test(text)) return `"${text}"`
  if (text.length > LONG_TEXT) return `"${escapedInParts(text)}"`
  return `"${text.replace(ESCAPED, escaped)}"`
}

// Without the u flag a character beyond 16 bits comes as its two surrogates, which is how Python writes it.
function escaped(character: string): string {
  return SHORT_ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

const LONG_TEXT = 256
const PART = 8192

/** For a text of millions of characters, each of which would be a text of its own. */
function escapedInParts(text: string): string {
  const bytes = Buffer.allocUnsafe(6 * Math.min(text.length, PART))
  let done = ''
  for (let at = 0; at < text.length; at += PART) {
    const end = writeEscaped(bytes, text, at)
    done += bytes.toString('latin1', 0, end)
  }
  return done
}

/** Answers how many bytes the part of the text is that begins there. */
function writeEscaped(bytes: Buffer, text: string, from: number): number {
  const most = Math.min(text.length, from + PART)
  let end = 0
  for (let at = from; at < most; at += 1) {
    const code = text.charCodeAt(at)
    if (code >= 0x20 && code < 0x7f && code !== 0x22 && code !== 0x5c) {
      bytes[end] = code
      end += 1
      continue
    }
    const short = code < 0x80 ? SHORT_ESCAPES[String.fromCharCode(code)] : undefined
    bytes[end] = 0x5c
    if (short === undefined) {
      bytes[end + 1] = 0x75
      for (let digit = 0; digit < 4; digit += 1) {
        bytes[end + 2 + digit] = HEX.charCodeAt((code >> (12 - 4 * digit)) & 0xf)
      }
      end += 6
    } else {
      bytes[end + 1] = short.charCodeAt(1)
      end += 2
    }
  }
  return end
}

const HEX = '0123456789abcdef'
