import type { LiteralCursor } from './python-literal-cursor.ts'

const DIGITS = '[0-9](?:_?[0-9])*'
const FLOAT = new RegExp(
  `(?:(?:${DIGITS})?\\.${DIGITS}|${DIGITS}\\.)(?:[eE][+-]?${DIGITS})?|${DIGITS}[eE][+-]?${DIGITS}`,
  'y',
)
const INTEGER =
  /0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?0)*|[1-9](?:_?[0-9])*/y

/** A number as Python writes it, without its sign. */
export function readNumber(cursor: LiteralCursor): number | bigint {
  const start = cursor.at
  const float = cursor.match(FLOAT)
  const integer = float === undefined ? cursor.match(INTEGER) : undefined
  const digits = (float ?? integer)?.replaceAll('_', '')
  // A digit, a letter or a point right after a number is a mistake: 0777, 1x, 1j.
  if (digits === undefined || /[\w.]/.test(cursor.peek)) {
    throw cursor.unexpected('a number', start)
  }
  return float === undefined ? integerOf(digits) : Number(digits)
}

function integerOf(digits: string): number | bigint {
  const value = BigInt(digits)
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}
