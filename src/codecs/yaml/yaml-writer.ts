import { explainUnencodable, type Format, hasToJson, notDataReason } from '../encodable.ts'
import { dateText, isoText } from '../iso-text.ts'
import { DateTime, Decimal, Float, LocalDate, LocalTime, TimeDelta, Uuid } from '../values.ts'
import { yamlFloat, yamlNumber, yamlText } from './yaml-scalars.ts'

/** Writes YAML as PyYAML's safe dumper does: block style, keys sorted, ASCII only. */
export function encodeYaml(value: unknown): string {
  try {
    return documentOf(blockOf(value, YAML_FORMAT.maxDepth))
  } catch (error) {
    throw error === UNENCODABLE ? explainUnencodable(value, YAML_FORMAT) : error
  }
}

const UNENCODABLE = new Error('a value has no form in YAML')

const YAML_FORMAT: Format = {
  name: 'YAML',
  maxDepth: 300,
  reason: unwritableReason,
  keyReason: (key) =>
    wordOf(key) === undefined ? 'it is neither text, number, boolean, date nor null' : null,
}

const FOREIGN = [Decimal, Uuid, LocalTime, TimeDelta] as const

function unwritableReason(value: unknown): string | null {
  const foreign = FOREIGN.find((type) => value instanceof type)
  return foreign === undefined ? notDataReason(value) : `YAML has no form for a ${foreign.name}`
}

/** Lines of YAML, the first with no indent; what they are decides how they go into something else. */
interface Block {
  readonly kind: 'word' | 'quoted' | 'list' | 'dict' | 'tagged' | 'bytes'
  readonly text: string
}

function documentOf({ kind, text }: Block): string {
  if (kind === 'word') return `${text}\n...\n`
  return `${kind === 'bytes' ? indented(text) : text}\n`
}

function blockOf(value: unknown, depth: number): Block {
  const word = wordOf(value)
  if (word !== undefined) return { kind: /^["']/.test(word) ? 'quoted' : 'word', text: word }
  if (typeof value !== 'object' || value === null || depth === 0) throw UNENCODABLE
  if (Array.isArray(value)) return listBlock(value, depth - 1)
  if (value instanceof Uint8Array) return bytesBlock(value)
  if (value instanceof Map) return dictBlock([...value], depth - 1)
  if (value instanceof Set) return setBlock(value, depth - 1)
  if (unwritableReason(value) !== null) throw UNENCODABLE
  if (hasToJson(value)) return blockOf(value.toJSON(''), depth - 1)
  return dictBlock(Object.entries(value), depth - 1)
}

/** A value that fits on one line; undefined for one that does not. */
function wordOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return yamlText(value)
    case 'number':
      return yamlNumber(value)
    case 'bigint':
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

function listBlock(items: readonly unknown[], depth: number): Block {
  if (items.length === 0) return { kind: 'quoted', text: '[]' }
  const lines = items.map((item) => `- ${indented(blockOf(item, depth).text)}`)
  return { kind: 'list', text: lines.join('\n') }
}

function dictBlock(entries: readonly (readonly [unknown, unknown])[], depth: number): Block {
  const present = entries.filter(([, value]) => value !== undefined)
  if (present.length === 0) return { kind: 'quoted', text: '{}' }
  const lines = sorted(present).map(([key, value]) => entryText(key, blockOf(value, depth)))
  return { kind: 'dict', text: lines.join('\n') }
}

function setBlock(set: ReadonlySet<unknown>, depth: number): Block {
  if (set.size === 0) return { kind: 'quoted', text: '!!set {}' }
  const members = dictBlock(
    [...set].map((member) => [member, null]),
    depth,
  )
  return { kind: 'tagged', text: `!!set\n${members.text}` }
}

function bytesBlock(bytes: Uint8Array): Block {
  const base64 = Buffer.from(bytes).toString('base64')
  return { kind: 'bytes', text: ['!!binary |', ...(base64.match(/.{1,76}/g) ?? [])].join('\n') }
}

function entryText(key: unknown, value: Block): string {
  const word = wordOf(key)
  if (word === undefined) throw UNENCODABLE
  // YAML takes no longer key on the line of its value.
  if (word.length > 120) return `? ${word}\n: ${indented(value.text)}`
  if (value.kind === 'list') return `${word}:\n${value.text}`
  if (value.kind === 'dict') return `${word}:\n  ${indented(value.text)}`
  return `${word}: ${indented(value.text)}`
}

/** Python sorts the keys where they can be compared. */
function sorted(
  entries: readonly (readonly [unknown, unknown])[],
): readonly (readonly [unknown, unknown])[] {
  if (entries.some(([key]) => typeof key !== 'string')) return entries
  return entries.toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1))
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n  ')
}
