import { decodeJson } from '../codecs/json/json.ts'
import { jsonText, plainJson } from '../codecs/json/json-text.ts'
import { Decimal, Float } from '../codecs/values.ts'
import { isRecord } from '../protocol/field-readers.ts'
import type { Headers } from '../protocol/message.ts'
import { textOf } from '../text-of-error.ts'

/** The key of an object that stands for a value JSON cannot hold exactly: `{"__amqp__": type, "value": …}`. */
const TAG = '__amqp__'

/**
 * Headers (or properties) as text for a jsonb column from which the same message can be published again:
 * whole numbers keep all their digits; bytes, times, decimals and odd floats are tagged with their type.
 */
export function exactText(headers: object): string {
  if (isExact(headers)) {
    const text = JSON.stringify(headers)
    if (!text.includes('\\u')) return text
  }
  return taggedText(headers)
}

/** The headers again, from the column read as text (`headers::text`), as jsonb in JavaScript loses digits. */
export function readExactText(text: string): Headers {
  try {
    const value = untagged(decodeJson(text, { keepFloats: true, plainObjects: true }))
    return isRecord(value) ? value : {}
  } catch {
    // Another program wrote it. A message without headers is kept by its reader; an error here would keep all rows beside it.
    return {}
  }
}

/** A whole float beyond 2^53 would come back as an integer, -0 as 0; NaN is no JSON at all. */
function isExactNumber(value: number): boolean {
  if (Number.isInteger(value)) return Number.isSafeInteger(value) && !Object.is(value, -0)
  return Number.isFinite(value)
}

/** Whether JSON holds it so that nothing is lost, and no key of it could be taken for a tag. */
const isExact = plainJson({ isPlainNumber: isExactNumber, isPlainDict: isUntaggedDict })

const EXACT = { ofString: stringText, ofNumber: numberText, ofObject: objectText }

function taggedText(value: unknown): string {
  return jsonText(value, EXACT)
}

function stringText(text: string): string {
  const quoted = JSON.stringify(text)
  if (!UNSTORABLE.test(quoted)) return quoted
  return tagged('text', Buffer.from(text, 'utf16le').toString('base64'))
}

/** NUL, or half of a surrogate pair, as JSON.stringify escapes them: PostgreSQL refuses both. */
const UNSTORABLE = /\\u(?:0000|d[89a-f])/

function objectText(value: object): string {
  if (Array.isArray(value)) return `[${value.map(taggedText).join(',')}]`
  if (value instanceof Uint8Array) return tagged('bytes', Buffer.from(value).toString('base64'))
  if (value instanceof Date) return tagged('time', String(value.getTime()))
  if (value instanceof Decimal) return tagged('decimal', value.text)
  if (value instanceof Float) {
    const { value: number } = value
    return Number.isSafeInteger(number) && !Object.is(number, -0)
      ? `${number}.0`
      : taggedText(number)
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  const isPlain =
    isUntaggedDict(value) && entries.every(([key]) => !UNSTORABLE.test(JSON.stringify(key)))
  if (isPlain)
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${taggedText(item)}`).join(',')}}`
  const pairs = entries.map(([key, item]) => `[${stringText(key)},${taggedText(item)}]`)
  return `{"${TAG}":"table","value":[${pairs.join(',')}]}`
}

function numberText(value: number): string {
  if (isExactNumber(value)) return String(value)
  return tagged('float', Object.is(value, -0) ? '-0' : String(value))
}

function tagged(type: string, value: string): string {
  return `{"${TAG}":"${type}","value":"${value}"}`
}

function isUntaggedDict(value: object): boolean {
  if (!isRecord(value)) return false
  // A reader of JSON gives `__type__` a meaning of its own, too.
  return !(Object.hasOwn(value, TAG) || Object.hasOwn(value, '__type__'))
}

function untagged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untagged)
  if (typeof value !== 'object' || value === null || value instanceof Float) return value
  const dict = value as Record<string, unknown> // decodeJson gives no other objects, as `__type__` was never written
  if (Object.hasOwn(dict, TAG)) return readTagged(dict[TAG], dict.value)
  return fromPairs(Object.entries(dict).map(([key, item]) => [key, untagged(item)]))
}

function readTagged(type: unknown, value: unknown): unknown {
  const text = textOf(value)
  switch (type) {
    case 'text':
      return Buffer.from(text, 'base64').toString('utf16le')
    case 'float':
      return Number(text)
    case 'bytes':
      return Buffer.from(text, 'base64')
    case 'time':
      return new Date(Number(text))
    case 'decimal':
      return new Decimal(text)
    default:
      return fromPairs(pairsIn(untagged(value))) // "table", the one type that is left
  }
}

function pairsIn(value: unknown): (readonly [string, unknown])[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((pair) => (Array.isArray(pair) ? [[textOf(pair[0]), pair[1]]] : []))
}

/** Object.fromEntries defines its keys, so `__proto__` stays one like any other. */
function fromPairs(pairs: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(pairs)
}
