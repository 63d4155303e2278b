import type { Divisible } from '../../async/slices.ts'
import { ProtocolError } from '../../errors.ts'
import { MAX_DIGITS } from '../limits.ts'
import type { MemoryBudget } from '../memory-budget.ts'
import { exactInteger } from '../numbers.ts'
import { orderedDict } from '../ordered-dict.ts'
import { fitted, setOwn } from '../own-key.ts'
import { Float } from '../values.ts'
import { readTyped } from './json-types.ts'
import { endOfSmallPart, LONGEST_PART } from './small-parts.ts'
import { isUnlikeJavaScript } from './unlike-javascript.ts'

interface ParseOptions {
  /** Gives `1.0` as `Float`: everywhere, or in one place of the outermost list (its number). */
  readonly keepFloats: boolean | number
  readonly keepOrder?: boolean
  readonly plainObjects?: boolean
  readonly maxDepth: number
  /** Asked before a value is made: for texts that are large. */
  readonly memory?: MemoryBudget | undefined
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
  const parser = new JsonParser(text, options)
  parser.advance(Number.POSITIVE_INFINITY)
  return parser.result()
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

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** What is being filled. */
interface Holder {
  /** Exactly one of the two: a list, or an object (a Map where order counts) and the key whose value comes next. */
  items: unknown[] | null
  /** What came before the items of a list that is long: a list that grows leaves larger and larger ones behind it. */
  chunks: unknown[][] | null
  readonly object: Record<string, unknown> | Map<string, unknown> | null
  key: string
  /** How many values it has. */
  count: number
  readonly outer: Holder | null
}

/** Keeps its place between two values, so that a long text can be read in slices. */
export class JsonParser implements Divisible<unknown> {
  readonly #text: string
  readonly #options: ParseOptions
  readonly #memory: MemoryBudget | undefined
  #at = 0
  #depth = 0
  #noPartBefore = 0
  #holder: Holder | null = null
  #outermost: Holder | null = null
  #value: unknown
  #isDone = false

  constructor(text: string, options: ParseOptions) {
    this.#text = text
    this.#options = options
    this.#memory = options.memory
    if (text.charCodeAt(0) === 0xfeff) throw this.#expected('JSON without a byte order mark')
  }

  /** Reads so many values; true once the whole is read. */
  advance(steps: number): boolean {
    for (let left = steps; left > 0 && !this.#isDone; left -= 1) this.#readValue()
    return this.#isDone
  }

  result(): unknown {
    return this.#value
  }

  /** One that holds others is left open, unless it is empty. */
  #readValue(): void {
    switch (this.#next()) {
      case QUOTE:
        this.#place(this.#string())
        this.#memory?.text()
        break
      case OPEN_OBJECT:
        if (this.#placeSmallPart()) break
        this.#open(null, this.#options.keepOrder === true ? new Map() : {})
        break
      case OPEN_LIST:
        if (this.#placeSmallPart()) break
        this.#open([], null)
        break
      default:
        this.#place(this.#scalar())
    }
  }

  /** Of a large text, the small parts are read by JSON.parse: their values take less memory, and less time. */
  #placeSmallPart(): boolean {
    if (this.#memory === undefined || this.#at < this.#noPartBefore || this.#keepsFloats()) {
      return false
    }
    const end = endOfSmallPart(this.#text, this.#at, this.#options.maxDepth - this.#depth)
    const value = end < 0 ? undefined : partOf(this.#text.slice(this.#at, end))
    if (value === undefined) {
      // Looked at again for each bracket in it, it would take quadratic time.
      this.#noPartBefore = end < 0 ? this.#at + LONGEST_PART / 2 : end
      return false
    }
    this.#memory.value(value)
    this.#at = end
    this.#place(value)
    return true
  }

  #open(items: Holder['items'], object: Holder['object']): void {
    this.#depth += 1
    if (this.#depth > this.#options.maxDepth) {
      throw this.#expected(`at most ${this.#options.maxDepth} levels of nesting`)
    }
    this.#at += 1
    if (this.#take(object === null ? CLOSE_LIST : CLOSE_OBJECT)) {
      this.#depth -= 1
      this.#memory?.empty()
      this.#place(items ?? emptyObject())
      return
    }
    if (object === null) this.#memory?.list()
    else this.#memory?.dict()
    this.#holder = { items, chunks: null, object, key: '', count: 0, outer: this.#holder }
    this.#outermost ??= this.#holder
    if (object !== null) this.#readKey(this.#holder)
  }

  /** Puts a value where it belongs, and closes all that is complete by it. */
  #place(read: unknown): void {
    let value = read
    while (this.#holder !== null) {
      const holder = this.#holder
      holder.count += 1
      if (holder.object === null) this.#memory?.item()
      else this.#memory?.key(holder.key, holder.count)
      put(holder, value)
      if (this.#take(COMMA)) {
        if (holder.object !== null) this.#readKey(holder)
        return
      }
      value = this.#closed(holder)
    }
    if (this.#next() !== END) throw this.#expected('the end of the text')
    this.#value = value
    this.#isDone = true
  }

  #closed({ items, chunks, object, outer }: Holder): unknown {
    if (!this.#take(object === null ? CLOSE_LIST : CLOSE_OBJECT)) {
      throw this.#expected(object === null ? '"," or "]"' : '"," or "}"')
    }
    this.#depth -= 1
    this.#holder = outer
    return object === null ? listOf(items ?? [], chunks) : this.#finished(object)
  }

  /** Of two equal keys the later value counts, in the place of the first: Python's dict. */
  #finished(object: Record<string, unknown> | Map<string, unknown>): unknown {
    if (!(object instanceof Map)) return this.#revive(object)
    const dict = orderedDict([...object])
    return dict instanceof Map ? dict : this.#revive(dict as Record<string, unknown>)
  }

  #readKey(holder: Holder): void {
    if (this.#next() !== QUOTE) throw this.#expected('a key in double quotes')
    holder.key = this.#string()
    if (!this.#take(COLON)) throw this.#expected('":"')
  }

  /** An object is a typed value when it has these two keys and no other. */
  #revive(object: Record<string, unknown>): unknown {
    if (this.#options.plainObjects === true) return object
    const { __type__: type, __value__: value } = object
    if (type === undefined || value === undefined || Object.keys(object).length !== 2) return object
    if (type === 'datetime') this.#memory?.date()
    else this.#memory?.object()
    return readTyped(type, value)
  }

  #string(): string {
    const start = this.#at
    const end = this.#endOfString(start + 1)
    if (end < 0) {
      this.#at = this.#text.length
      throw this.#expected('a closing double quote')
    }
    this.#at = end + 1
    return this.#unquote(start, end + 1)
  }

  /** A search finds the first quote soonest; behind the first backslash it would stop at each escaped one. */
  #endOfString(start: number): number {
    const text = this.#text
    const end = text.indexOf('"', start)
    if (end < 0 || text.charCodeAt(end - 1) !== BACKSLASH) return end
    let at = text.indexOf('\\', start)
    for (let code = BACKSLASH; code !== QUOTE; code = text.charCodeAt(at)) {
      if (Number.isNaN(code)) return -1
      at += code === BACKSLASH ? 2 : 1
    }
    return at
  }

  #unquote(start: number, end: number): string {
    const plain = this.#text.slice(start + 1, end - 1)
    if (!NEEDS_CARE.test(plain)) return plain
    this.#memory?.text(plain.length)
    const quoted = `"${plain}"`
    try {
      return JSON.parse(quoted)
    } catch (cause) {
      this.#at = start
      throw this.#expected('text without line breaks or unknown escapes', cause)
    }
  }

  #scalar(): unknown {
    const small = this.#smallInteger()
    if (small !== undefined) return small
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (match !== null) return this.#number(match)
    const word = WORDS.find(([name]) => this.#text.startsWith(name, this.#at))
    if (word === undefined) throw this.#expected('a value')
    this.#at += word[0].length
    return word[1]
  }

  /** Up to fifteen digits and nothing else: most numbers, and no text is made of them. */
  #smallInteger(): number | undefined {
    const first = this.#text.charCodeAt(this.#at)
    if (!(first > ZERO && first <= NINE)) return undefined
    let [at, value] = [this.#at, 0]
    let code = first
    while (code >= ZERO && code <= NINE && at - this.#at < 16) {
      value = value * 10 + code - ZERO
      at += 1
      code = this.#text.charCodeAt(at)
    }
    if (at - this.#at > 15 || code === DOT || (code | 0x20) === SMALL_E) return undefined
    this.#at = at
    return value
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
    return this.#keepsFloats() && Number.isSafeInteger(value) ? new Float(value) : value
  }

  #keepsFloats(): boolean {
    const { keepFloats } = this.#options
    if (typeof keepFloats === 'boolean') return keepFloats
    return this.#outermost?.items != null && this.#outermost.count === keepFloats
  }

  /** Whether the next character is this one; if so it is passed. */
  #take(code: number): boolean {
    if (this.#next() !== code) return false
    this.#at += 1
    return true
  }

  #next(): number {
    const text = this.#text
    let at = this.#at
    let code = text.charCodeAt(at)
    // Over a local: there may be millions of blanks.
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      at += 1
      code = text.charCodeAt(at)
    }
    this.#at = at
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
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const SMALL_E = 0x65

function put(holder: Holder, value: unknown): void {
  const { items, object, key } = holder
  if (items !== null) {
    items.push(value)
    if (items.length === CHUNK) {
      holder.chunks ??= []
      holder.chunks.push(items)
      holder.items = []
    }
  } else if (object instanceof Map) object.set(key, value)
  else if (object !== null) setOwn(object, key, value)
}

const CHUNK = 32_768

function listOf(items: unknown[], chunks: unknown[][] | null): unknown[] {
  return chunks === null ? fitted(items) : ([] as unknown[]).concat(...chunks, items)
}

/** Undefined where JSON.parse would read it otherwise, or not at all. Empty ones take less if they are made here. */
function partOf(text: string): unknown {
  if (text.length < 3 || isUnlikeJavaScript(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    // Read value by value, it is said where the mistake is.
    return undefined
  }
}

/** An object without room for keys: it takes less than half of what `{}` takes, and bodies may hold millions. */
function Empty(this: object): void {
  // It stays empty.
}
Empty.prototype = Object.prototype

function emptyObject(): object {
  return new (Empty as unknown as new () => object)() // a class could not have the prototype of plain objects
}
