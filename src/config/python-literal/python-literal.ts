import { textOfError } from '../../text-of-error.ts'
import { LiteralCursor } from './python-literal-cursor.ts'
import { readNumber } from './python-literal-number.ts'
import { readTexts } from './python-literal-text.ts'

const DEEPEST = 100
const PYTHON_NAMES: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['None', null],
  ['True', true],
  ['False', false],
])
const JSON_NAMES: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['null', null],
  ['true', true],
  ['false', false],
])

/**
 * The value of a Python literal, or of JSON; nothing is ever run. Tuples become arrays, sets `Set`, bytes
 * `Uint8Array`, dicts objects (a `Map` where a key is no text), integers beyond 2^53 bigint.
 * Throws a SyntaxError that says the position.
 */
export function readPythonLiteral(text: string): unknown {
  try {
    return readWhole(text, PYTHON_NAMES)
  } catch (cause) {
    return readAsJson(text, cause)
  }
}

/** What is wrong with the text as Python says more, so that is what is thrown where it is no JSON either. */
function readAsJson(text: string, python: unknown): unknown {
  try {
    return readWhole(text, JSON_NAMES)
  } catch (cause) {
    throw new SyntaxError(textOfError(python), { cause })
  }
}

function readWhole(text: string, names: ReadonlyMap<string, unknown>): unknown {
  const cursor = new LiteralCursor(text, names)
  cursor.skipLines()
  const value = readOpenTuple(cursor)
  cursor.skipLines()
  if (!cursor.isAtEnd) throw cursor.unexpected('the end')
  return value
}

/** A value, or values with commas between them and no parentheses around: `1, 2` is a tuple. */
function readOpenTuple(cursor: LiteralCursor): unknown {
  const first = readValue(cursor, 0)
  cursor.skipBlanks()
  if (cursor.peek !== ',') return first
  const items = [first]
  while (cursor.take(',')) {
    cursor.skipBlanks()
    if (cursor.isAtLineEnd) break
    items.push(readValue(cursor, 0))
    cursor.skipBlanks()
  }
  return items
}

function readValue(cursor: LiteralCursor, depth: number): unknown {
  if (depth > DEEPEST) throw cursor.unexpected(`no more than ${DEEPEST} brackets inside each other`)
  if (depth > 0) cursor.skipLines()
  else cursor.skipBlanks()
  switch (cursor.peek) {
    case '(':
      return readTuple(cursor, depth)
    case '[':
      return readList(cursor, depth)
    case '{':
      return readBraces(cursor, depth)
    case '-':
    case '+':
      return readSigned(cursor, depth)
    default:
      return readAtom(cursor, depth)
  }
}

function readAtom(cursor: LiteralCursor, depth: number): unknown {
  if (/[0-9.]/.test(cursor.peek)) return readNumber(cursor)
  if (cursor.looksAt(/(?:[rbu]|rb|br)?['"]/iy)) return readTexts(cursor, depth > 0)
  if (cursor.match(depth > 0 ? /set\s*\(\s*\)/y : /set[ \t]*\(\s*\)/y) !== undefined)
    return new Set()
  const start = cursor.at
  const name = cursor.match(/[A-Za-z_][A-Za-z_0-9]*/y)
  if (name !== undefined && cursor.names.has(name)) return cursor.names.get(name)
  cursor.at = start
  throw cursor.unexpected('a literal')
}

function readSigned(cursor: LiteralCursor, depth: number): unknown {
  const sign = cursor.next()
  const start = cursor.at
  const value = readUnsigned(cursor, depth)
  if (typeof value === 'number' || typeof value === 'bigint') return sign === '-' ? -value : value
  cursor.at = start
  throw cursor.unexpected('a number')
}

function readUnsigned(cursor: LiteralCursor, depth: number): unknown {
  if (depth > 0) cursor.skipLines()
  else cursor.skipBlanks()
  if (cursor.peek === '-' || cursor.peek === '+') throw cursor.unexpected('a number')
  return readValue(cursor, depth)
}

/** Arrays that were lists: all others were tuples. */
const lists = new WeakSet<object>()

function readList(cursor: LiteralCursor, depth: number): readonly unknown[] {
  const { items } = readItems(cursor, '[', ']', depth)
  lists.add(items)
  return items
}

/** `()`, `(1,)` and `(1, 2)` are tuples; `(1)` is 1. */
function readTuple(cursor: LiteralCursor, depth: number): unknown {
  const { items, hasComma } = readItems(cursor, '(', ')', depth)
  return items.length === 1 && !hasComma ? items[0] : items
}

function readItems(
  cursor: LiteralCursor,
  open: string,
  close: string,
  depth: number,
): { readonly items: readonly unknown[]; readonly hasComma: boolean } {
  const items: unknown[] = []
  let hasComma = false
  cursor.expect(open)
  for (;;) {
    cursor.skipLines()
    if (cursor.take(close)) return { items, hasComma }
    items.push(readValue(cursor, depth + 1))
    cursor.skipLines()
    if (cursor.take(',')) hasComma = true
    else if (cursor.peek !== close) throw cursor.unexpected(`"," or "${close}"`)
  }
}

/** A dict or a set: a `:` after the first item makes it a dict. */
function readBraces(cursor: LiteralCursor, depth: number): unknown {
  cursor.expect('{')
  cursor.skipLines()
  if (cursor.take('}')) return {}
  const first = readHashable(cursor, depth)
  cursor.skipLines()
  return cursor.peek === ':' ? readDict(cursor, first, depth) : readSet(cursor, first, depth)
}

function readSet(cursor: LiteralCursor, first: unknown, depth: number): Set<unknown> {
  const items = new Set([first])
  while (readSeparator(cursor)) items.add(readHashable(cursor, depth))
  return items
}

function readDict(cursor: LiteralCursor, firstKey: unknown, depth: number): unknown {
  const pairs: [unknown, unknown][] = [[firstKey, readAfterColon(cursor, depth)]]
  while (readSeparator(cursor)) {
    const key = readHashable(cursor, depth)
    pairs.push([key, readAfterColon(cursor, depth)])
  }
  return dictOf(pairs)
}

/** Goes over `,` and `}`; says whether an item follows. */
function readSeparator(cursor: LiteralCursor): boolean {
  cursor.skipLines()
  if (cursor.take('}')) return false
  if (!cursor.take(',')) throw cursor.unexpected('"," or "}"')
  cursor.skipLines()
  return !cursor.take('}')
}

function readAfterColon(cursor: LiteralCursor, depth: number): unknown {
  cursor.skipLines()
  cursor.expect(':')
  return readValue(cursor, depth + 1)
}

function readHashable(cursor: LiteralCursor, depth: number): unknown {
  cursor.skipLines()
  const start = cursor.at
  const value = readValue(cursor, depth + 1)
  if (isUnhashable(value)) throw cursor.unexpected('something hashable', start)
  return value
}

function dictOf(pairs: readonly [unknown, unknown][]): unknown {
  const texts = pairs.filter((pair): pair is [string, unknown] => typeof pair[0] === 'string')
  // fromEntries makes "__proto__" a key like any other.
  return texts.length === pairs.length ? Object.fromEntries(texts) : new Map(pairs)
}

/** Dicts, sets, lists, and tuples that hold one. */
function isUnhashable(value: unknown): boolean {
  if (Array.isArray(value)) return lists.has(value) || value.some(isUnhashable)
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
}
