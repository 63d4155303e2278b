import { encodeJson } from '../../codecs/json/json.ts'
import { isWholeNumber } from '../../codecs/numbers.ts'
import {
  copied,
  type Dict,
  entriesOf,
  hasKey,
  isDict,
  itemAtKey,
  orderedDict,
} from '../../codecs/ordered-dict.ts'
import { pythonAscii, pythonRepr, pythonStr } from '../../codecs/python/python-text.ts'
import { Float } from '../../codecs/values.ts'
import { RecipeError } from '../../errors.ts'
import { type FieldStep, isDigits, splitFieldName } from '../format/field-name.ts'
import { FormatError } from '../format/format-error.ts'
import { type FormatField, formatPieces } from '../format/format-text.ts'
import { formatValue } from '../format/format-value.ts'

/**
 * A JSON value with parameters put in: `{name}`, `{name[key][0]}`, `{name:05d}` in any text and in the keys of
 * objects, and `{$REPLACE:name}` for a copy of a whole structure. Unknown names stay as they are.
 */
export function substituted(value: unknown, parameters: Dict): unknown {
  if (typeof value === 'string') return substitutedText(value, parameters)
  if (Array.isArray(value)) return value.map((item) => substituted(item, parameters))
  if (!isDict(value)) return value
  // A Map first: of two keys that become the same, the later one wins, in the place of the earlier.
  const entries = new Map<string, unknown>()
  for (const [key, item] of entriesOf(value)) {
    entries.set(keyText(substitutedText(key, parameters), key), substituted(item, parameters))
  }
  return orderedDict([...entries])
}

/** A key that was replaced by a number, a boolean or null is written as Python's JSON writes it. */
function keyText(key: unknown, template: string): string {
  if (typeof key === 'string') return key
  if (!Array.isArray(key) && !isDict(key)) return encodeJson(key)
  throw new RecipeError(
    `cannot put parameters into the key ${JSON.stringify(template.slice(0, 200))}: a list or an object is no key`,
    { stage: 'substitute', category: 'substitution', pythonClass: 'TypeError' },
  )
}

function substitutedText(text: string, parameters: Dict): unknown {
  try {
    return text.startsWith('{$REPLACE') && text.endsWith('}')
      ? replacement(text, parameters)
      : formatText(text, { parameters, keepsUnknown: true }, formatAny)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new RecipeError(
      `cannot put parameters into ${JSON.stringify(text.slice(0, 200))}: ${cause.message}`,
      {
        stage: 'substitute',
        category: 'substitution',
        pythonClass: cause.pythonClass,
        position: cause.position,
        cause,
      },
    )
  }
}

/** A copy of the structure that the last field names; null where it is not there. */
function replacement(text: string, parameters: Dict): unknown {
  let last: { readonly value: unknown } | null = null
  try {
    formatText(`{${text.slice(10, -1)}}`, { parameters, keepsUnknown: false }, (value) => {
      last = { value }
      return ''
    })
  } catch (error) {
    if (error instanceof FormatError && error.pythonClass === 'KeyError') return null
    throw error
  }
  if (last === null)
    throw new FormatError('AttributeError', 'it names no parameter to replace it by')
  return copied((last as { readonly value: unknown }).value)
}

interface Lookup {
  readonly parameters: Dict
  /** Whether a name that is not there stays as written, or is a KeyError. */
  readonly keepsUnknown: boolean
}

type FormatOne = (value: unknown, spec: string) => string

/** Fields within a format specification may hold one more level of fields, as in Python. */
const MAX_NESTING = 2

function formatText(
  text: string,
  lookup: Lookup,
  format: FormatOne,
  nesting = MAX_NESTING,
): string {
  if (nesting < 0) throw new FormatError('ValueError', 'Max string recursion exceeded')
  let result = ''
  for (const piece of formatPieces(text)) {
    result += piece.literal
    if (piece.field === null) continue
    const value = converted(valueOfField(piece.field.name, lookup), piece.field)
    result += format(value, formatText(piece.field.spec, lookup, format, nesting - 1))
  }
  return result
}

/** A name that no parameter has: it is written as it came. */
class Unknown {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  toString(): string {
    return `{${this.name}}`
  }
}

function formatAny(value: unknown, spec: string): string {
  if (!(value instanceof Unknown)) return formatValue(value, spec)
  if (spec === '') return value.toString()
  throw new FormatError(
    'TypeError',
    `no parameter "${value.name}" to write with the format "${spec}"`,
  )
}

function valueOfField(name: string, lookup: Lookup): unknown {
  const { first, steps } = splitFieldName(name)
  if (name === '' || isDigits(first)) {
    throw new FormatError(
      'IndexError',
      'there are no positional parameters; name one, as in {name}',
    )
  }
  let value = parameterOf(first, lookup)
  for (const step of steps) value = stepped(value, step)
  return value
}

function parameterOf(name: string, lookup: Lookup): unknown {
  if (hasKey(lookup.parameters, name)) return itemAtKey(lookup.parameters, name)
  if (lookup.keepsUnknown) return new Unknown(name)
  throw new FormatError('KeyError', `no parameter "${name}"`)
}

function stepped(value: unknown, step: FieldStep): unknown {
  if (step.kind === 'attribute') return attributeOf(value, step.attribute)
  return step.kind === 'index' ? itemAt(value, step.index) : itemOf(value, step.key)
}

function itemOf(value: unknown, key: string): unknown {
  if (value instanceof Unknown) return new Unknown(`${value.name}[${key}]`)
  if (!isDict(value)) {
    throw new FormatError('TypeError', `${shown(value)} has no key "${key}"; expected an object`)
  }
  if (hasKey(value, key)) return itemAtKey(value, key)
  throw new FormatError('KeyError', `no key "${key}" in ${shown(value)}`)
}

function itemAt(value: unknown, index: number): unknown {
  if (isDict(value)) {
    throw new FormatError(
      'KeyError',
      `no key ${index} in ${shown(value)}: digits count the items of a list`,
    )
  }
  if (!Array.isArray(value) && typeof value !== 'string') {
    throw new FormatError('TypeError', `${shown(value)} has no item ${index}; expected a list`)
  }
  const items: readonly unknown[] = typeof value === 'string' ? [...value] : value
  if (index < items.length) return items[index]
  throw new FormatError(
    'IndexError',
    `no item ${index} in ${shown(value)}, which has ${items.length}`,
  )
}

/** Python's objects have attributes; values from JSON have those of numbers alone. */
function attributeOf(value: unknown, attribute: string): unknown {
  const attributes = numberAttributes(typeof value === 'boolean' ? Number(value) : value)
  if (Object.hasOwn(attributes, attribute)) return attributes[attribute]
  throw new FormatError(
    'AttributeError',
    `${shown(value)} has no attribute "${attribute}"; use [${attribute}] for a key`,
  )
}

function numberAttributes(number: unknown): Readonly<Record<string, unknown>> {
  if (number instanceof Float) return { real: number, imag: new Float(0) }
  if (typeof number === 'number' && !isWholeNumber(number))
    return { real: number, imag: new Float(0) }
  if (typeof number !== 'number' && typeof number !== 'bigint') return {}
  return { real: number, imag: 0, numerator: number, denominator: 1 }
}

function converted(value: unknown, field: FormatField): unknown {
  if (field.conversion === null) return value
  if (value instanceof Unknown && 'rsa'.includes(field.conversion)) return value.toString()
  switch (field.conversion) {
    case 's':
      return pythonStr(value)
    case 'r':
      return pythonRepr(value)
    case 'a':
      return pythonAscii(value)
    default:
      throw new FormatError(
        'ValueError',
        `Unknown conversion specifier "${field.conversion}"; expected r, s or a`,
      )
  }
}

function shown(value: unknown): string {
  const text = value instanceof Unknown ? value.toString() : pythonRepr(value)
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`
}
