import type { LiteralCursor } from './python-literal-cursor.ts'

const OPENING = /([rbuRBU]{0,2})('''|"""|'|")/y
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', ''],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
])
const HEX_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
])

interface Opening {
  readonly quote: string
  /** Made once a text, as it is asked for at each character. */
  readonly closing: RegExp
  readonly isRaw: boolean
  readonly isBytes: boolean
}

/** One text or bytes literal, or several in a row, which Python joins. */
export function readTexts(cursor: LiteralCursor, mayBreakLines: boolean): string | Uint8Array {
  const start = cursor.at
  const parts: { readonly text: string; readonly isBytes: boolean }[] = []
  while (cursor.looksAt(/(?:[rbu]|rb|br)?['"]/iy)) {
    parts.push(readText(cursor))
    if (mayBreakLines) cursor.skipLines()
    else cursor.skipBlanks()
  }
  const isBytes = parts[0]?.isBytes === true
  if (parts.some((part) => part.isBytes !== isBytes)) {
    throw cursor.unexpected('texts or bytes in a row, not both', start)
  }
  const text = parts.map((part) => part.text).join('')
  return isBytes ? Uint8Array.from(Buffer.from(text, 'latin1')) : text
}

function readText(cursor: LiteralCursor): { readonly text: string; readonly isBytes: boolean } {
  const opening = readOpening(cursor)
  const parts: string[] = []
  while (!cursor.looksAt(opening.closing)) {
    if (cursor.isAtEnd) throw cursor.unexpected(opening.quote)
    parts.push(readPiece(cursor, opening))
  }
  cursor.at += opening.quote.length
  return { text: parts.join(''), isBytes: opening.isBytes }
}

function readOpening(cursor: LiteralCursor): Opening {
  OPENING.lastIndex = cursor.at
  const [found = '', prefix = '', quote = ''] = OPENING.exec(cursor.text) ?? []
  cursor.at += found.length
  const closing = new RegExp(quote, 'y')
  return { quote, closing, isRaw: /r/i.test(prefix), isBytes: /b/i.test(prefix) }
}

function readPiece(cursor: LiteralCursor, opening: Opening): string {
  const start = cursor.at
  const character = cursor.next()
  if (character === '\\') return readEscape(cursor, opening, start)
  if (/[\r\n]/.test(character) && opening.quote.length === 1) {
    throw cursor.unexpected(opening.quote, start)
  }
  if (opening.isBytes && character.charCodeAt(0) > 0x7f) {
    throw cursor.unexpected('ASCII in bytes', start)
  }
  if (character === '\r') {
    cursor.take('\n')
    return '\n'
  }
  return character
}

function readEscape(cursor: LiteralCursor, opening: Opening, start: number): string {
  if (cursor.isAtEnd) throw cursor.unexpected(opening.quote)
  if (cursor.peek === '\r' && cursor.text[cursor.at + 1] === '\n') cursor.at += 1
  const character = cursor.next()
  const kept = character === '\r' ? '\n' : character
  if (opening.isBytes && character.charCodeAt(0) > 0x7f) {
    throw cursor.unexpected('ASCII in bytes', start)
  }
  if (opening.isRaw) return `\\${kept}`
  const simple = ESCAPES.get(kept)
  if (simple !== undefined) return simple
  if (/[0-7]/.test(character)) return readOctal(cursor, opening)
  return readCodePoint(cursor, opening, character) ?? `\\${character}`
}

function readOctal(cursor: LiteralCursor, opening: Opening): string {
  cursor.at -= 1
  const code = Number.parseInt(cursor.match(/[0-7]{1,3}/y) ?? '0', 8)
  return String.fromCharCode(opening.isBytes ? code & 0xff : code)
}

function readCodePoint(
  cursor: LiteralCursor,
  opening: Opening,
  letter: string,
): string | undefined {
  if (opening.isBytes && letter !== 'x') return undefined
  if (letter === 'N') throw cursor.unexpected('no \\N{...}: write the character itself')
  const length = HEX_LENGTHS.get(letter)
  if (length === undefined) return undefined
  const digits = cursor.match(new RegExp(`[0-9a-fA-F]{${length}}`, 'y'))
  const code = Number.parseInt(digits ?? '', 16)
  if (!(code <= 0x10ffff)) throw cursor.unexpected(`${length} hexadecimal digits of a character`)
  return String.fromCodePoint(code)
}
