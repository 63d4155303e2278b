import { randomUUID } from 'node:crypto'
import { textOf } from '../../text-of-error.ts'

const MARK = `integer-${randomUUID()}:`
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g')

/** Any value as plain JSON, for people and for jq: whole numbers of any size as digits, dates and the like as text. */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, plain, indent) ?? 'null'
  return text.replace(MARKED, '$1').replace(STEERING, escaped)
}

/** JSON leaves these as they are; escaped, they are the same text. */
const STEERING = /[\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** `this` holds the value as it was before its own toJSON. */
function plain(this: unknown, key: string, value: unknown): unknown {
  const holder = this as Readonly<Record<string, unknown>> // as JSON.stringify calls a replacer
  const before = holder[key]
  if (before instanceof Uint8Array) return Buffer.from(before).toString('base64')
  if (typeof value === 'bigint') return `${MARK}${value}`
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([name, item]) => [textOf(name), item]))
  if (value instanceof Set) return [...value]
  return value
}
