import { encodeJson } from '../../codecs/json/json.ts'
import { jsonText, plainJson } from '../../codecs/json/json-text.ts'
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

const isPlain = plainJson({ isPlainNumber: Number.isFinite, isPlainDict: isRecord })

const CAREFUL = {
  ofString: (text: string) => JSON.stringify(storableText(text)),
  ofNumber: (number: number) => (Number.isFinite(number) ? JSON.stringify(number) : `"${number}"`),
  ofObject: objectText,
}

function carefulText(value: unknown): string {
  return jsonText(value, CAREFUL)
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
