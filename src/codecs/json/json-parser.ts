import type { Divisible } from '../../async/slices.ts'
import type { MemoryBudget } from '../memory-budget.ts'
import { orderedDict } from '../ordered-dict.ts'
import { fitted, setOwn } from '../own-key.ts'
import { JsonScanner } from './json-scanner.ts'
import { readTyped } from './json-types.ts'
import { LONG_LIST, LongLists } from './long-lists.ts'
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

/** Reads JSON with what JSON.parse cannot: exact integers, NaN and Infinity, typed values, where a mistake is. */
export function parseJson(text: string, options: ParseOptions): unknown {
  const parser = new JsonParser(text, options)
  parser.advance(Number.POSITIVE_INFINITY)
  return parser.result()
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** What is being filled. */
interface Holder {
  /** Exactly one of the two: a list, or an object (a Map where order counts) and the key whose value comes next. */
  items: unknown[] | null
  readonly object: Record<string, unknown> | Map<string, unknown> | null
  key: string
  /** How many values it has. */
  count: number
  readonly outer: Holder | null
}

/** Keeps its place between two values, so that a long text can be read in slices. */
export class JsonParser implements Divisible<unknown> {
  readonly #scanner: JsonScanner
  readonly #options: ParseOptions
  readonly #memory: MemoryBudget | undefined
  readonly #longLists: LongLists
  #depth = 0
  #noPartBefore = 0
  #holder: Holder | null = null
  #outermost: Holder | null = null
  #value: unknown
  #isDone = false
  readonly #onOwn = (length: number): void => this.#memory?.text(length)

  constructor(text: string, options: ParseOptions) {
    this.#scanner = new JsonScanner(text)
    this.#longLists = new LongLists(text)
    this.#options = options
    this.#memory = options.memory
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
    switch (this.#scanner.next()) {
      case QUOTE:
        this.#place(this.#scanner.string(this.#onOwn))
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
        this.#place(this.#scanner.scalar(this.#keepsFloats))
    }
  }

  /** Of a large text, the small parts are read by JSON.parse: their values take less memory, and less time. */
  #placeSmallPart(): boolean {
    const scanner = this.#scanner
    if (this.#memory === undefined || scanner.at < this.#noPartBefore || this.#keepsFloats()) {
      return false
    }
    const end = endOfSmallPart(scanner.text, scanner.at, this.#options.maxDepth - this.#depth)
    const value = end < 0 ? undefined : partOf(scanner.text.slice(scanner.at, end))
    if (value === undefined) {
      // Looked at again for each bracket in it, it would take quadratic time.
      this.#noPartBefore = end < 0 ? scanner.at + LONGEST_PART / 2 : end
      return false
    }
    this.#memory.value(value)
    scanner.at = end
    this.#place(value)
    return true
  }

  #open(items: Holder['items'], object: Holder['object']): void {
    this.#depth += 1
    if (this.#depth > this.#options.maxDepth) {
      throw this.#scanner.expected(`at most ${this.#options.maxDepth} levels of nesting`)
    }
    this.#scanner.at += 1
    if (this.#scanner.take(object === null ? CLOSE_LIST : CLOSE_OBJECT)) {
      this.#depth -= 1
      this.#memory?.empty()
      this.#place(items ?? emptyObject())
      return
    }
    if (object === null) this.#memory?.list()
    else this.#memory?.dict()
    this.#holder = { items, object, key: '', count: 0, outer: this.#holder }
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
      this.#put(holder, value)
      if (this.#scanner.take(COMMA)) {
        if (holder.object !== null) this.#readKey(holder)
        return
      }
      value = this.#closed(holder)
    }
    this.#scanner.finish()
    this.#value = value
    this.#isDone = true
  }

  #put(holder: Holder, value: unknown): void {
    const { items, object, key, count } = holder
    if (items !== null) {
      items[count - 1] = value
      if (count === LONG_LIST) holder.items = this.#longLists.withRoom(items, this.#scanner.at)
    } else if (object instanceof Map) object.set(key, value)
    else if (object !== null) setOwn(object, key, value)
  }

  #closed({ items, object, outer }: Holder): unknown {
    if (!this.#scanner.take(object === null ? CLOSE_LIST : CLOSE_OBJECT)) {
      throw this.#scanner.expected(object === null ? '"," or "]"' : '"," or "}"')
    }
    this.#depth -= 1
    this.#holder = outer
    return object === null ? fitted(items ?? []) : this.#finished(object)
  }

  /** Of two equal keys the later value counts, in the place of the first: Python's dict. */
  #finished(object: Record<string, unknown> | Map<string, unknown>): unknown {
    if (!(object instanceof Map)) return this.#revive(object)
    const dict = orderedDict([...object])
    return dict instanceof Map ? dict : this.#revive(dict as Record<string, unknown>)
  }

  #readKey(holder: Holder): void {
    if (this.#scanner.next() !== QUOTE) throw this.#scanner.expected('a key in double quotes')
    holder.key = this.#scanner.string(this.#onOwn)
    if (!this.#scanner.take(COLON)) throw this.#scanner.expected('":"')
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

  readonly #keepsFloats = (): boolean => {
    const { keepFloats } = this.#options
    if (typeof keepFloats === 'boolean') return keepFloats
    return this.#outermost?.items != null && this.#outermost.count === keepFloats
  }
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
