import { decodeJson, encodeJson } from '../../codecs/json/json.ts'
import { entriesOf, isDict } from '../../codecs/ordered-dict.ts'
import { Float } from '../../codecs/values.ts'
import { TransportError } from '../../errors.ts'

/** A JSON value as workflows sends it. Throws `TransportError` for dates, bytes and other objects, as Python does. */
export function encodeMessage(message: unknown): string {
  const place = unsendable(message, 'message')
  if (place !== null) {
    throw new TransportError(
      `${place} has no form in JSON; expected text, numbers, booleans, null, lists and objects`,
    )
  }
  return encodeJson(message)
}

/** A body parsed as JSON; what is no JSON is handed over as the bytes that came. */
export function decodeMessage(body: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    return decodeJson(text, { keepFloats: true, keepOrder: true, plainObjects: true })
  } catch {
    // As in Python: the receiver decides what to make of it.
    return body
  }
}

const SCALARS: ReadonlySet<string> = new Set(['string', 'number', 'bigint', 'boolean', 'undefined'])

/** Where a value stands that JSON cannot hold; null when all is well. Depth is left to the encoder. */
function unsendable(message: unknown, name: string): string | null {
  const waiting: [string, unknown][] = [[name, message]]
  const seen = new Set<object>()
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [place, value] = next
    if (value === null || SCALARS.has(typeof value) || value instanceof Float) continue
    if (typeof value !== 'object') return place
    if (seen.has(value)) continue
    seen.add(value)
    const inside = partsOf(value, place)
    if (inside === null) return place
    waiting.push(...inside)
  }
  return null
}

/** What a container holds, each with its place; null for an object that is none. */
function partsOf(value: object, place: string): [string, unknown][] | null {
  if (Array.isArray(value)) return value.map((item, index) => [`${place}[${index}]`, item])
  if (isDict(value)) return entriesOf(value).map(([key, item]) => [`${place}.${key}`, item])
  // Recipes and the like say themselves what they are in JSON; dates would silently become text.
  return 'toJSON' in value && !(value instanceof Date) ? [] : null
}
