import { ProtocolError } from '../errors.ts'
import { readTyped } from './json-types.ts'
import { exactInteger } from './numbers.ts'
import { orderedDict } from './ordered-dict.ts'
import { Float } from './values.ts'

export interface ParseOptions {
  readonly keepFloats: boolean
  readonly keepOrder?: boolean
  readonly plainObjects?: boolean
  readonly maxDepth: number
}

/** A text that is no JSON, with the offset at which it stops being any. */
export class JsonSyntaxError extends ProtocolError {
  readonly position: number

  constructor(position: number, message: string, options?: ErrorOptions) {
    super('MESSAGE_UNDECODABLE', message, options)
    this.position = position
  }
}

/** Reads JSON with what JSON.parse cannot: exact integers, NaN and Infinity, typed values, where a mistake is. */
export function parseJson(text: string, options: ParseOptions): unknown {
  return new JsonParser(text, options).parse()
}

// Python refuses integers with more digits, as reading them takes quadratic time.
const MAX_DIGITS = 4300
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

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

class JsonParser {
  readonly #text: string
  readonly #options: ParseOptions
  #at = 0
  #depth = 0

  constructor(text: string, options: ParseOptions) {
    this.#text = text
    this.#options = options
  }

  parse(): unknown {
    if (this.#text.charCodeAt(0) === 0xfeff) throw this.#expected('JSON without a byte order mark')
    const value = this.#value()
    if (this.#next() !== END) throw this.#expected('the end of the text')
    return value
  }

  #value(): unknown {
    switch (this.#next()) {
      case QUOTE:
        return this.#string()
      case OPEN_OBJECT:
        return this.#object()
      case OPEN_LIST:
        return this.#list()
      default:
        return this.#scalar()
    }
  }

  #enter(): void {
    this.#depth += 1
    if (this.#depth > this.#options.maxDepth) {
      throw this.#expected(`at most ${this.#options.maxDepth} levels of nesting`)
    }
    this.#at += 1
  }

  /** Passes the closing bracket, if it is next. */
  #leave(close: number): boolean {
    if (!this.#take(close)) return false
    this.#depth -= 1
    return true
  }

  #list(): unknown[] {
    this.#enter()
    const items: unknown[] = []
    if (this.#leave(CLOSE_LIST)) return items
    do items.push(this.#value())
    while (this.#take(COMMA))
    if (!this.#leave(CLOSE_LIST)) throw this.#expected('"," or "]"')
    return items
  }

  #object(): unknown {
    if (this.#options.keepOrder === true) return this.#orderedObject()
    this.#enter()
    const object: Record<string, unknown> = {}
    if (this.#leave(CLOSE_OBJECT)) return object
    do this.#member(object)
    while (this.#take(COMMA))
    if (!this.#leave(CLOSE_OBJECT)) throw this.#expected('"," or "}"')
    return this.#revive(object)
  }

  /** Of two equal keys the later value counts, in the place of the first: Python's dict. */
  #orderedObject(): unknown {
    this.#enter()
    const entries = new Map<string, unknown>()
    if (this.#leave(CLOSE_OBJECT)) return {}
    do entries.set(this.#key(), this.#value())
    while (this.#take(COMMA))
    if (!this.#leave(CLOSE_OBJECT)) throw this.#expected('"," or "}"')
    const dict = orderedDict([...entries])
    return dict instanceof Map ? dict : this.#revive(dict as Record<string, unknown>)
  }

  #member(object: Record<string, unknown>): void {
    setOwn(object, this.#key(), this.#value())
  }

  #key(): string {
    if (this.#next() !== QUOTE) throw this.#expected('a key in double quotes')
    const key = this.#string()
    if (!this.#take(COLON)) throw this.#expected('":"')
    return key
  }

  /** An object is a typed value when it has these two keys and no other. */
  #revive(object: Record<string, unknown>): unknown {
    if (this.#options.plainObjects === true) return object
    const { __type__: type, __value__: value } = object
    if (type === undefined || value === undefined || Object.keys(object).length !== 2) return object
    return readTyped(type, value)
  }

  #string(): string {
    const start = this.#at
    let end = this.#text.indexOf('"', start + 1)
    while (end >= 0 && this.#isEscaped(end)) end = this.#text.indexOf('"', end + 1)
    if (end < 0) {
      this.#at = this.#text.length
      throw this.#expected('a closing double quote')
    }
    this.#at = end + 1
    return this.#unquote(start, end + 1)
  }

  #isEscaped(quote: number): boolean {
    let at = quote - 1
    while (this.#text.charCodeAt(at) === BACKSLASH) at -= 1
    return (quote - at) % 2 === 0
  }

  #unquote(start: number, end: number): string {
    const plain = this.#text.slice(start + 1, end - 1)
    if (!NEEDS_CARE.test(plain)) return plain
    const quoted = `"${plain}"`
    try {
      return JSON.parse(quoted)
    } catch (cause) {
      this.#at = start
      throw this.#expected('text without line breaks or unknown escapes', cause)
    }
  }

  #scalar(): unknown {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (match !== null) return this.#number(match)
    const word = WORDS.find(([name]) => this.#text.startsWith(name, this.#at))
    if (word === undefined) throw this.#expected('a value')
    this.#at += word[0].length
    return word[1]
  }

  #number(match: RegExpExecArray): unknown {
    const text = match[0]
    const isInteger = match[1] === undefined && match[2] === undefined
    if (isInteger && text.length > MAX_DIGITS) {
      throw this.#expected(`an integer of at most ${MAX_DIGITS} digits`)
    }
    this.#at += text.length
    if (isInteger) return text.length < 16 ? Number(text) + 0 : exactInteger(BigInt(text))
    const value = Number(text)
    return this.#options.keepFloats && Number.isSafeInteger(value) ? new Float(value) : value
  }

  /** Whether the next character is this one; if so it is passed. */
  #take(code: number): boolean {
    if (this.#next() !== code) return false
    this.#at += 1
    return true
  }

  #next(): number {
    let code = this.#text.charCodeAt(this.#at)
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      this.#at += 1
      code = this.#text.charCodeAt(this.#at)
    }
    return Number.isNaN(code) ? END : code
  }

  #expected(what: string, cause?: unknown): JsonSyntaxError {
    const found =
      this.#at >= this.#text.length
        ? 'the end'
        : JSON.stringify(this.#text.slice(this.#at, this.#at + 12))
    return new JsonSyntaxError(
      this.#at,
      `JSON at position ${this.#at}: expected ${what}, found ${found}`,
      { cause },
    )
  }
}

const END = -1

// Plain assignment would set the prototype instead of a key of that name.
function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value
  else
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    })
}
