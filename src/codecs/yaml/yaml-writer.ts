import {
  encodeWhole,
  type Format,
  hasToJson,
  isLongInteger,
  LONG_INTEGER,
  notDataReason,
  UNENCODABLE,
} from '../encodable.ts'
import { EncodeNodes } from '../encode-nodes.ts'
import { dateText, isoText } from '../iso-text.ts'
import { DateTime, Decimal, Float, LocalDate, LocalTime, TimeDelta, Uuid } from '../values.ts'
import { yamlFloat, yamlNumber, yamlText } from './yaml-scalars.ts'

/** Writes YAML as PyYAML's safe dumper does: block style, keys sorted, ASCII only. */
export function encodeYaml(value: unknown, maxNodes?: number): string {
  return encodeWhole(value, YAML_FORMAT, () =>
    documentOf(value, {
      depth: YAML_FORMAT.maxDepth,
      nodes: new EncodeNodes(value, maxNodes),
      margin: '',
    }),
  )
}

const YAML_FORMAT: Format = {
  name: 'YAML',
  maxDepth: 300,
  reason: unwritableReason,
  keyReason: (key) =>
    wordOf(key) === undefined ? 'it is neither text, number, boolean, date nor null' : null,
}

const FOREIGN = [Decimal, Uuid, LocalTime, TimeDelta] as const

function unwritableReason(value: unknown): string | null {
  if (isLongInteger(value)) return LONG_INTEGER
  const foreign = FOREIGN.find((type) => value instanceof type)
  return foreign === undefined ? notDataReason(value) : `YAML has no form for a ${foreign.name}`
}

/** Where a value is written. */
interface Place {
  readonly depth: number
  readonly nodes: EncodeNodes
  /** Before each of its lines but the first. */
  readonly margin: string
}

/** The text of a value; what it is decides how it goes into something else. */
interface Block {
  readonly kind: 'word' | 'quoted' | 'dict' | 'other'
  readonly text: string
}

function documentOf(value: unknown, place: Place): string {
  const { kind, text } = blockOf(value, value instanceof Uint8Array ? inside(place) : place)
  return kind === 'word' ? `${text}\n...\n` : `${text}\n`
}

function blockOf(given: unknown, place: Place): Block {
  const value = plainOf(given, place.depth)
  const word = wordOf(value)
  if (word !== undefined) return { kind: /^["']/.test(word) ? 'quoted' : 'word', text: word }
  if (typeof value !== 'object' || value === null || place.depth === 0) throw UNENCODABLE
  const within = { ...place, depth: place.depth - 1 }
  if (Array.isArray(value)) return listBlock(value, within)
  if (value instanceof Uint8Array) return bytesBlock(value, place.margin)
  if (value instanceof Map) return dictBlock([...value], within)
  if (value instanceof Set) return setBlock(value, within)
  if (unwritableReason(value) !== null) throw UNENCODABLE
  return dictBlock(Object.entries(value), within)
}

/** What a value says that it is in JSON, and in YAML as well. */
function plainOf(given: unknown, depth: number): unknown {
  let value = given
  for (let level = 0; level <= depth; level += 1) {
    if (!saysWhatItIs(value)) return value
    value = value.toJSON('')
  }
  throw UNENCODABLE
}

function saysWhatItIs(value: unknown): value is { toJSON(key: string): unknown } {
  if (typeof value !== 'object' || value === null || OF_YAML.some((type) => value instanceof type))
    return false
  return wordOf(value) === undefined && unwritableReason(value) === null && hasToJson(value)
}

const OF_YAML = [Array, Uint8Array, Map, Set] as const

/** A value that fits on one line; undefined for one that does not. */
function wordOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return yamlText(value)
    case 'number':
      return yamlNumber(value)
    case 'bigint':
      if (isLongInteger(value)) throw UNENCODABLE
      return String(value)
    case 'boolean':
      return String(value)
    case 'undefined':
      return 'null'
    default:
      return value === null ? 'null' : objectWord(value)
  }
}

function objectWord(value: unknown): string | undefined {
  if (value instanceof Float) return yamlFloat(value.value)
  if (value instanceof LocalDate) return value.toString()
  if (value instanceof DateTime) return isoText(value.fields).replace('T', ' ')
  if (value instanceof Date && notDataReason(value) === null)
    return dateText(value).replace('T', ' ')
  return undefined
}

function listBlock(items: readonly unknown[], place: Place): Block {
  if (items.length === 0) return { kind: 'quoted', text: '[]' }
  place.nodes.take(items.length)
  const within = inside(place)
  const lines = Array.from(items, (item) => `- ${blockOf(item, within).text}`)
  return { kind: 'other', text: lines.join(`\n${place.margin}`) }
}

function dictBlock(entries: readonly (readonly [unknown, unknown])[], place: Place): Block {
  const present = entries.filter(([, value]) => value !== undefined)
  if (present.length === 0) return { kind: 'quoted', text: '{}' }
  place.nodes.take(present.length)
  const lines = sorted(present).map(([key, value]) => entryText(key, value, place))
  return { kind: 'dict', text: lines.join(`\n${place.margin}`) }
}

function setBlock(set: ReadonlySet<unknown>, place: Place): Block {
  if (set.size === 0) return { kind: 'quoted', text: '!!set {}' }
  const members = [...set].map((member) => [member, null] as const)
  return { kind: 'other', text: `!!set\n${place.margin}${dictBlock(members, place).text}` }
}

function bytesBlock(bytes: Uint8Array, margin: string): Block {
  const base64 = Buffer.from(bytes).toString('base64')
  const lines = ['!!binary |', ...(base64.match(/.{1,76}/g) ?? [])]
  return { kind: 'other', text: lines.join(`\n${margin}`) }
}

function entryText(key: unknown, given: unknown, place: Place): string {
  const word = wordOf(key)
  if (word === undefined) throw UNENCODABLE
  const value = plainOf(given, place.depth)
  const within = inside(place)
  // YAML takes no longer key on the line of its value.
  if (word.length > 120) return `? ${word}\n${place.margin}: ${blockOf(value, within).text}`
  if (Array.isArray(value) && value.length > 0)
    return `${word}:\n${place.margin}${blockOf(value, place).text}`
  const { kind, text } = blockOf(value, within)
  return kind === 'dict' ? `${word}:\n${within.margin}${text}` : `${word}: ${text}`
}

function inside(place: Place): Place {
  return { ...place, margin: `${place.margin}  ` }
}

/** Python sorts the keys where they can be compared. */
function sorted(
  entries: readonly (readonly [unknown, unknown])[],
): readonly (readonly [unknown, unknown])[] {
  if (entries.some(([key]) => typeof key !== 'string')) return entries
  return entries.toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1))
}
