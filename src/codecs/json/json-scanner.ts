import { ProtocolError } from '../../errors.ts'
import { MAX_DIGITS } from '../limits.ts'
import { exactInteger } from '../numbers.ts'
import { Float } from '../values.ts'

/** A text that is no JSON, with the offset at which it stops being any. */
export class JsonSyntaxError extends ProtocolError {
  readonly position: number

  constructor(position: number, message: string, options?: ErrorOptions) {
    super('MESSAGE_UNDECODABLE', message, options)
    this.position = position
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in text
const NEEDS_CARE = /[\\\u0000-\u001f]/
const WORDS: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]

/**
 * JavaScript cuts a text out of another one by pointing into it: an id that is kept would keep the large body that it came in. What may
 * be kept, names and ids, is copied, as JSON.parse copies it.
 */
const LARGE = 4096
const LONGEST_KEPT = 2048

const QUOTE = 0x22
const BACKSLASH = 0x5c
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const SMALL_E = 0x65
const END = -1

/** What is read of a JSON text from left to right: texts, numbers, words, and the characters between them. */
export class JsonScanner {
  readonly text: string
  at = 0

  constructor(text: string) {
    this.text = text
    if (text.charCodeAt(0) === 0xfeff) throw this.expected('JSON without a byte order mark')
  }

  /** The code of the next character that is no blank; -1 at the end. */
  next(): number {
    const { text } = this
    let { at } = this
    let code = text.charCodeAt(at)
    // Over a local: there may be millions of blanks.
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      at += 1
      code = text.charCodeAt(at)
    }
    this.at = at
    return Number.isNaN(code) ? END : code
  }

  /** Whether the next character is this one; if so it is passed. */
  take(code: number): boolean {
    if (this.next() !== code) return false
    this.at += 1
    return true
  }

  finish(): void {
    if (this.next() !== END) throw this.expected('the end of the text')
  }

  /** The text that begins at the quote here. `onOwn` is called with its length where its characters are its own, not the body's. */
  string(onOwn?: (length: number) => void): string {
    const start = this.at
    const end = this.#endOfString(start + 1)
    if (end < 0) {
      this.at = this.text.length
      throw this.expected('a closing double quote')
    }
    this.at = end + 1
    const plain = this.text.slice(start + 1, end)
    const isPlain = !NEEDS_CARE.test(plain)
    if (isPlain && (this.text.length < LARGE || plain.length > LONGEST_KEPT)) return plain
    onOwn?.(plain.length)
    return this.#unquoted(plain, start)
  }

  /** A number or a word; a number with a point, or an exponent, may be kept as a Float. */
  scalar(keepsFloats: () => boolean): unknown {
    const small = this.#smallInteger()
    if (small !== undefined) return small
    NUMBER.lastIndex = this.at
    const match = NUMBER.exec(this.text)
    if (match !== null) return this.#number(match, keepsFloats)
    const word = WORDS.find(([name]) => this.text.startsWith(name, this.at))
    if (word === undefined) throw this.expected('a value')
    this.at += word[0].length
    return word[1]
  }

  expected(what: string, cause?: unknown): JsonSyntaxError {
    const found =
      this.at >= this.text.length
        ? 'the end'
        : JSON.stringify(this.text.slice(this.at, this.at + 12))
    return new JsonSyntaxError(
      this.at,
      `JSON at position ${this.at}: expected ${what}, found ${found}`,
      { cause },
    )
  }

  /** A search finds the first quote soonest; behind the first backslash it would stop at each escaped one. */
  #endOfString(start: number): number {
    const { text } = this
    const end = text.indexOf('"', start)
    if (end < 0 || text.charCodeAt(end - 1) !== BACKSLASH) return end
    let at = text.indexOf('\\', start)
    for (let code = BACKSLASH; code !== QUOTE; code = text.charCodeAt(at)) {
      if (Number.isNaN(code)) return -1
      at += code === BACKSLASH ? 2 : 1
    }
    return at
  }

  #unquoted(plain: string, start: number): string {
    try {
      return JSON.parse(`"${plain}"`)
    } catch (cause) {
      this.at = start
      throw this.expected('text without line breaks or unknown escapes', cause)
    }
  }

  /** Up to fifteen digits and nothing else: most numbers, and no text is made of them. */
  #smallInteger(): number | undefined {
    const { text } = this
    const first = text.charCodeAt(this.at)
    if (!(first > ZERO && first <= NINE)) return undefined
    let [at, value] = [this.at, 0]
    let code = first
    while (code >= ZERO && code <= NINE && at - this.at < 16) {
      value = value * 10 + code - ZERO
      at += 1
      code = text.charCodeAt(at)
    }
    if (at - this.at > 15 || code === DOT || (code | 0x20) === SMALL_E) return undefined
    this.at = at
    return value
  }

  #number(match: RegExpExecArray, keepsFloats: () => boolean): unknown {
    const text = match[0]
    const isInteger = match[1] === undefined && match[2] === undefined
    if (isInteger && text.length > MAX_DIGITS) {
      throw this.expected(`an integer of at most ${MAX_DIGITS} digits`)
    }
    this.at += text.length
    if (isInteger) return text.length < 16 ? Number(text) + 0 : exactInteger(BigInt(text))
    const value = Number(text)
    return keepsFloats() && Number.isSafeInteger(value) ? new Float(value) : value
  }
}
