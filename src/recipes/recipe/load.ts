import { decodeJson } from '../../codecs/json/json.ts'
import { JsonSyntaxError } from '../../codecs/json/json-scanner.ts'
import {
  type Dict,
  entriesOf,
  hasKey,
  isDict,
  itemAtKey,
  OrderedMap,
  orderedDict,
} from '../../codecs/ordered-dict.ts'
import { RecipeError } from '../../errors.ts'
import { textOfError } from '../../text-of-error.ts'

/** A recipe as it is held: node numbers as text, `start` and `error`, in Python's order. */
export type RecipeNodes = Map<string, unknown>

/** Reads the text of a recipe. Numbers keep their exact form, objects the order of their keys. */
export function loadText(text: string): RecipeNodes {
  return loadValue(readRecipeJson(text))
}

function readRecipeJson(text: string): unknown {
  try {
    return decodeJson(text, { keepFloats: true, keepOrder: true, plainObjects: true })
  } catch (cause) {
    const position = cause instanceof JsonSyntaxError ? cause.position : undefined
    const reason = textOfError(cause)
    throw new RecipeError(`the recipe is not JSON: ${reason}`, {
      stage: 'load',
      category: 'json-syntax',
      pythonClass: 'JSONDecodeError',
      position,
      cause,
    })
  }
}

/**
 * Makes a recipe of an object, by Python's rules: numbers as keys in any spelling, a single output as a list,
 * `start` as pairs. What it was given is not changed.
 */
export function loadValue(value: unknown): RecipeNodes {
  if (!isDict(value)) throw notAnObject(value)
  const nodes = renumbered(value)
  for (const [key, entry] of nodes) nodes.set(key, normalisedEntry(key, entry))
  if (nodes.has('start')) nodes.set('start', startPairs(nodes.get('start')))
  return nodes
}

/** Keys that had to be rewritten come after the others, so that `start` and `error` are first. */
function renumbered(recipe: Dict): RecipeNodes {
  const kept: RecipeNodes = new Map()
  const converted: RecipeNodes = new Map()
  for (const [key, entry] of entriesOf(recipe)) {
    const number = key === 'start' || key === 'error' ? key : integerText(key)
    if (number === key && (key === 'start' || key === 'error')) kept.set(key, entry)
    // Zero in any spelling stays as it is, and is then refused as not numeric.
    else if (number === '0') kept.set(key, entry)
    else converted.set(number, entry)
  }
  return new OrderedMap([...kept, ...converted])
}

const INTEGER = /^[+-]?\d+(?:_\d+)*$/

/** A key read as Python's `int()` reads text: sign, blanks around, leading zeros, single underscores. */
function integerText(key: string): string {
  const text = key.trim()
  if (!INTEGER.test(text) || text.length > 4300) {
    throw new RecipeError(
      `node ${JSON.stringify(key.slice(0, 60))} is not numeric; expected a node number, "start" or "error"`,
      { stage: 'load', category: 'node-not-numeric', pythonClass: 'ValueError', node: key },
    )
  }
  const digits = text.replaceAll('_', '').replace(/^\+/, '')
  return String(digits.startsWith('-') ? -BigInt(digits.slice(1)) : BigInt(digits))
}

function normalisedEntry(key: string, entry: unknown): unknown {
  if (isDict(entry)) return hasKey(entry, 'output') ? withListedOutput(entry) : entry
  if (key === 'error' && isNumeric(entry)) return [entry]
  if (typeof entry === 'string' ? entry.includes('output') : !Array.isArray(entry)) {
    throw wrongType(key, entry)
  }
  if (Array.isArray(entry) && entry.includes('output')) throw wrongType(key, entry)
  return entry
}

function withListedOutput(entry: Dict): Dict {
  const output = itemAtKey(entry, 'output')
  if (Array.isArray(output) || isDict(output)) return entry
  return orderedDict(
    entriesOf(entry).map(([key, value]) => [key, key === 'output' ? [value ?? null] : value]),
  )
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint'
}

function startPairs(start: unknown): unknown[] {
  return elementsOf('start', start).map((entry) => elementsOf('start', entry))
}

/** What Python iterates over: the items of a list, the keys of an object, the letters of a text. */
function elementsOf(key: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return [...value]
  if (typeof value === 'string') return [...value]
  if (isDict(value)) return entriesOf(value).map(([name]) => name)
  throw wrongType(key, value)
}

function wrongType(key: string, entry: unknown): RecipeError {
  return new RecipeError(
    `"${key}" of the recipe is ${nameOfType(entry)}; expected ${key === 'start' ? 'a list of pairs [node, payload]' : 'an object'}`,
    { stage: 'load', category: 'type-error', pythonClass: 'TypeError', node: key },
  )
}

function notAnObject(value: unknown): RecipeError {
  return new RecipeError(
    `a recipe is ${nameOfType(value)}; expected an object of node numbers, "start" and "error"`,
    {
      stage: 'load',
      category: 'type-error',
      pythonClass: Array.isArray(value) ? 'TypeError' : 'AttributeError',
    },
  )
}

function nameOfType(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'string'
    ? `the text ${JSON.stringify(value.slice(0, 60))}`
    : String(value).slice(0, 60)
}
