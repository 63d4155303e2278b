import { hasToJson } from '../encodable.ts'
import { Tuple } from '../values.ts'
import { bytesRepr, objectRepr, primitiveRepr } from './python-repr-scalars.ts'

interface ReprLimits {
  /** Characters after which the text is cut short; Celery's is 1024. */
  readonly maxLength?: number
  /** Levels of containers shown (default 3); deeper ones print as `[...]`. */
  readonly maxLevels?: number | undefined
}

/**
 * A value as Celery shows it to people: Python's repr, cut to a length and a depth. It is only ever looked at, so
 * it never throws. Like Celery's it may exceed `maxLength` by the dots and brackets at its end.
 */
export function repr(value: unknown, limits: ReprLimits = {}): string {
  try {
    return boundedRepr(value, limits.maxLength ?? 1024, limits.maxLevels ?? 3)
  } catch (error) {
    return `<cannot be shown: ${error instanceof Error ? error.name : typeof error}>`
  }
}

/** Positional arguments as Celery's `argsrepr` header shows them: a tuple. */
export function reprArgs(args: readonly unknown[], limits?: ReprLimits): string {
  return args.length === 0 ? '()' : repr(Tuple.from(args), limits)
}

/** Keyword arguments as Celery's `kwargsrepr` header shows them: a dict. */
export function reprKwargs(kwargs: Readonly<Record<string, unknown>>, limits?: ReprLimits): string {
  return repr(kwargs, limits)
}

function boundedRepr(value: unknown, maxLength: number, maxLevels: number): string {
  const quick = new ReprWriter(maxLength, maxLevels, unitsIn)
  quick.write(value)
  // Python counts characters, JavaScript halves of some. It matters only where something was cut.
  if (!(quick.isCut && SURROGATE.test(quick.text))) return quick.text
  const exact = new ReprWriter(maxLength, maxLevels, charactersIn)
  exact.write(value)
  return exact.text
}

class ReprWriter {
  text = ''
  isCut = false
  readonly #maxLevels: number
  readonly #lengthOf: (text: string) => number
  readonly #above: object[] = []
  #left: number

  constructor(maxLength: number, maxLevels: number, lengthOf: (text: string) => number) {
    this.#left = maxLength
    this.#maxLevels = maxLevels
    this.#lengthOf = lengthOf
  }

  /** False when the space ran out: then nothing but closing brackets may follow. */
  write(value: unknown): boolean {
    if (typeof value === 'string') return this.#string(value)
    if (typeof value === 'object' && value !== null) return this.#object(value)
    return this.#emit(this.#cut(primitiveRepr(value)))
  }

  #string(value: string): boolean {
    const text = this.#cut(value)
    return this.#emit(text.includes("'") ? `'${text.replaceAll("'", "\\'")}'` : `'${text}'`)
  }

  #object(value: object): boolean {
    if (value instanceof Tuple) return this.#list(value, '(', value.length === 1 ? ',)' : ')')
    if (Array.isArray(value)) return this.#list(value, '[', ']')
    if (value instanceof Map) return this.#dict(value, value)
    if (value instanceof Set && value.size > 0) return this.#list([...value], '{', '}')
    if (value instanceof Uint8Array) return this.#bytes(value)
    const text = objectRepr(value)
    if (text !== undefined) return this.#emit(this.#cut(text))
    return hasToJson(value) ? this.write(value.toJSON('')) : this.#dict(value, entriesOf(value))
  }

  #list(items: readonly unknown[], open: string, close: string): boolean {
    if (this.#isClosed(items)) return this.#emit(`${open}...${close}`)
    if (!this.#emit(open)) return false
    this.#above.push(items)
    let isWhole = true
    for (let index = 0; isWhole && index < items.length; index += 1) {
      isWhole = (index === 0 || this.#emit(', ')) && this.write(items[index])
    }
    return this.#leave(close, isWhole)
  }

  #dict(dict: object, entries: Iterable<readonly [unknown, unknown]>): boolean {
    if (this.#isClosed(dict)) return this.#emit('{...}')
    if (!this.#emit('{')) return false
    this.#above.push(dict)
    let isWhole = true
    let separator = ''
    for (const [key, value] of entries) {
      if (value === undefined) continue
      isWhole = (separator === '' || this.#emit(separator)) && this.#entry(key, value)
      if (!isWhole) break
      separator = ', '
    }
    return this.#leave('}', isWhole)
  }

  #entry(key: unknown, value: unknown): boolean {
    const text = this.#left > 0 ? boundedRepr(key, this.#left, this.#maxLevels) : ''
    return this.#emit(text) && this.#emit(': ') && this.write(value)
  }

  /** Whether a container stays closed: it is too deep, or we are inside it. */
  #isClosed(container: object): boolean {
    return this.#above.length >= this.#maxLevels || this.#above.includes(container)
  }

  /** What was opened is closed, whether or not there is space for it. */
  #leave(close: string, isWhole: boolean): boolean {
    this.#above.pop()
    this.text += close
    this.#left -= close.length
    return isWhole
  }

  #bytes(bytes: Uint8Array): boolean {
    const isLong = bytes.length > this.#left
    this.isCut ||= isLong
    return this.#emit(
      bytesRepr(isLong ? bytes.subarray(0, Math.max(0, this.#left)) : bytes, isLong),
    )
  }

  /** Once the space is used up, the next piece becomes dots. */
  #emit(piece: string): boolean {
    if (this.#left <= 0) {
      this.isCut = true
      this.text += ', ...'
      return false
    }
    this.text += piece
    this.#left -= this.#lengthOf(piece)
    return true
  }

  /** Cut to the space left, at the last blank in it. */
  #cut(text: string): string {
    if (text.length < this.#left || this.#left <= 0) return text
    const start = text.slice(0, 2 * this.#left)
    if (this.#lengthOf(start) < this.#left) return text
    this.isCut = true
    const kept =
      this.#lengthOf === unitsIn
        ? start.slice(0, this.#left)
        : [...start].slice(0, this.#left).join('')
    const blank = kept.lastIndexOf(' ')
    return `${blank < 0 ? kept : kept.slice(0, blank)}...`
  }
}

/** One by one, as of millions only a few are shown. */
function* entriesOf(dict: object): Generator<readonly [string, unknown]> {
  for (const key of Object.keys(dict)) yield [key, (dict as Readonly<Record<string, unknown>>)[key]]
}

const SURROGATE = /[\ud800-\udfff]/

function unitsIn(text: string): number {
  return text.length
}

function charactersIn(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}
