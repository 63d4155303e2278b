import { pythonRepr } from '../codecs/python/python-text.ts'
import { isRecord } from '../protocol/field-readers.ts'

const LONGEST = 300

/** A value as Python prints it: 'text', True, None, [1, 2], {'a': 1}. Functions and classes by their name. */
export function printed(value: unknown): string {
  switch (typeof value) {
    case 'string':
      // What steers a terminal is escaped, as in Python.
      return pythonRepr(value)
    case 'boolean':
      return value ? 'True' : 'False'
    case 'number':
      return printedNumber(value)
    case 'function':
      return `<function ${value.name === '' ? 'anonymous' : value.name}>`
    case 'object':
      return printedObject(value)
    default:
      return value === undefined ? 'None' : String(value)
  }
}

/** As `printed`, cut where it would fill the screen. */
export function printedShort(value: unknown): string {
  const text = printed(value)
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}...`
}

function printedNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (Number.isFinite(value)) return String(value)
  return value > 0 ? 'inf' : '-inf'
}

function printedObject(value: object | null): string {
  if (value === null) return 'None'
  if (Array.isArray(value)) return `[${value.map(printed).join(', ')}]`
  if (value instanceof Set) {
    return value.size === 0 ? 'set()' : `{${[...value].map(printed).join(', ')}}`
  }
  if (value instanceof Map) return printedPairs([...value])
  if (value instanceof RegExp) return String(value)
  if (isRecord(value)) return printedPairs(Object.entries(value))
  return `<${value.constructor.name}>`
}

function printedPairs(pairs: readonly (readonly [unknown, unknown])[]): string {
  return `{${pairs.map(([key, item]) => `${printed(key)}: ${printed(item)}`).join(', ')}}`
}
