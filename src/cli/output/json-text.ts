import { randomUUID } from 'node:crypto'

const MARK = `integer-${randomUUID()}:`
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g')

/** Any value as plain JSON, for people and for jq: whole numbers of any size as digits, dates and the like as text. */
export function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, plain, indent) ?? 'null'
  return text.replace(MARKED, '$1')
}

/** `this` holds the value as it was before its own toJSON. */
function plain(this: unknown, key: string, value: unknown): unknown {
  const holder = this as Readonly<Record<string, unknown>> // as JSON.stringify calls a replacer
  const before = holder[key]
  if (before instanceof Uint8Array) return Buffer.from(before).toString('base64')
  if (typeof value === 'bigint') return `${MARK}${value}`
  if (value instanceof Map) return Object.fromEntries(value)
  if (value instanceof Set) return [...value]
  return value
}
