import { encodeJson } from '../../codecs/json/json.ts'
import { Float } from '../../codecs/values.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { storableText } from './storable-text.ts'

/**
 * A value as text for a jsonb column that people query. What JSON lacks is written as kombu writes it
 * (`{"__type__": "datetime", …}`), NaN and Infinity as text, integers of any size exactly; U+FFFD stands for
 * characters that PostgreSQL has no room for.
 */
export function jsonbText(value: unknown): string {
  if (isPlain(value)) {
    const text = JSON.stringify(value)
    // NUL and lone surrogates are written as such escapes; so are a few harmless characters.
    if (!text.includes('\\u')) return text
  }
  return carefulText(value)
}

/** Whether JSON.stringify writes it as it is meant. */
function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value)
    case 'object':
      if (value === null) return true
      if (Array.isArray(value)) return value.every(isPlain)
      return isRecord(value) && isPlainDict(value)
    default:
      return false
  }
}

// Its own keys come first, and a plain object inherits none; no list of values is made for each.
function isPlainDict(dict: Readonly<Record<string, unknown>>): boolean {
  for (const key in dict) if (!isPlain(dict[key])) return false
  return true
}

function carefulText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(storableText(value))
    case 'number':
      return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'object':
      return value === null ? 'null' : objectText(value)
    default:
      return 'null'
  }
}

function objectText(value: object): string {
  if (Array.isArray(value) || value instanceof Set) {
    return `[${Array.from(value, carefulText).join(',')}]`
  }
  if (isRecord(value)) return dictText(Object.entries(value))
  if (value instanceof Map) return dictText([...value])
  if (value instanceof Float) {
    return Number.isFinite(value.value) ? encodeJson(value) : carefulText(value.value)
  }
  return typedText(value)
}

/** Kombu's form where it has one, else what the value itself says it is. */
function typedText(value: object): string {
  try {
    return carefulText(JSON.parse(encodeJson(value)))
  } catch {
    // JSON has no form for it (a timedelta, an invalid date); this one is for people to read.
    return hasJsonForm(value) ? carefulText(value.toJSON()) : JSON.stringify(String(value))
  }
}

function dictText(entries: readonly (readonly [unknown, unknown])[]): string {
  const members = entries.map(([key, value]) => `${keyText(key)}:${carefulText(value)}`)
  return `{${members.join(',')}}`
}

/** A key that is no text is written as Python's json does: None is "null", True is "true". */
function keyText(key: unknown): string {
  return JSON.stringify(storableText(typeof key === 'string' ? key : carefulText(key)))
}

function hasJsonForm(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function'
}
