import { floatText, isWholeNumber } from '../numbers.ts'
import { type Dict, entriesOf, isDict } from '../ordered-dict.ts'
import { Float } from '../values.ts'

/** A JSON value as Python's `str()` writes it: `True`, `1.0`, `[1, 'a']`, text as it is. */
export function pythonStr(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value)
}

/** A JSON value as Python's `repr()` writes it. */
export function pythonRepr(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') return isWholeNumber(value) ? String(value) : floatText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (value instanceof Float) return floatText(value.value)
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  return isDict(value) ? dictRepr(value) : 'None'
}

/** As `repr()`, with everything beyond ASCII escaped: Python's `ascii()`. */
export function pythonAscii(value: unknown): string {
  return pythonRepr(value).replace(BEYOND_ASCII, escapedCharacter)
}

function dictRepr(dict: Dict): string {
  const pairs = entriesOf(dict).map(([key, value]) => `${quoted(key)}: ${pythonRepr(value)}`)
  return `{${pairs.join(', ')}}`
}

// Python escapes what it calls not printable: control, format, private and unassigned characters, and all separators but the blank.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Zs}]/gu
const BEYOND_ASCII = /[^\0-\x7f]/gu
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
  ' ': ' ',
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const plain = text.replaceAll('\\', '\\\\').replace(UNPRINTABLE, escapedCharacter)
  return `${quote}${quote === "'" ? plain.replaceAll("'", "\\'") : plain}${quote}`
}

/** Text of any number of lines, with what would steer a terminal escaped: what came with a message is shown, and does nothing. */
export function harmlessText(text: string): string {
  return text.replace(/[^\P{C}\n\t]|\p{Zl}|\p{Zp}/gu, escapedCharacter)
}

/** As `repr()` writes one that is not printable. */
function escapedCharacter(character: string): string {
  const short = SHORT_ESCAPES[character]
  if (short !== undefined) return short
  const code = character.codePointAt(0) ?? 0
  const hex = code.toString(16)
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
