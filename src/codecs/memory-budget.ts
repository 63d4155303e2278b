import { isAscii } from 'node:buffer'
import { type MessageLimits, tooLarge } from './limits.ts'

/** Bytes that V8 takes for values, as measured: what a value holds comes on top. */
const LIST = 80
const DICT = 56
const EMPTY = 24
const ITEM = 8
const TEXT = 40
const OBJECT = 340
const DATE = 900
/** A key that no dict had before: in a small dict it makes a new shape, in any a new entry of the table of all keys. */
const NEW_KEY = 270
const NEW_SHAPE = 400
/** A key of a dict of many, which is a hash table. */
const HASHED_KEY = 50
const MOST_KEYS_OF_A_SHAPE = 16
/** Few enough that keys whose hashes collide cost little. */
const MOST_KNOWN_KEYS = 512

/** Each value that may be there may take so much, beside a share of the body. */
const BYTES_A_NODE = 14
const SMALLEST = 1024 * 1024

/**
 * What the values of a large body take in memory, estimated while they are read: a few bytes of it can take hundreds, most of all
 * keys of which each is another. A body that takes more than this is refused, with the figures.
 */
export class MemoryBudget {
  readonly #mostBytes: number
  readonly #known = new Set<string>()
  readonly #problem: (mostBytes: number) => string
  #bytes = 0

  constructor(body: Uint8Array, { maxNodes }: MessageLimits, format: string) {
    // The body itself, what it was expanded from, and its text are in memory as well: more of it if it is not ASCII.
    const share = Math.floor(body.length * (isAscii(body) ? 1.5 : 0.75))
    this.#mostBytes = Math.max(SMALLEST, share + BYTES_A_NODE * maxNodes)
    this.#problem = (mostBytes) =>
      `the body of ${body.length} bytes takes more than ${mostBytes} bytes of memory as ${format}; MESSAGE_LIMIT_NODES allows no more`
  }

  list(): void {
    this.#take(LIST)
  }

  dict(): void {
    this.#take(DICT)
  }

  empty(): void {
    this.#take(EMPTY)
  }

  /** A place in a list. */
  item(): void {
    this.#take(ITEM)
  }

  /** A text, with its own characters where it shares none with the body. */
  text(ownBytes = 0): void {
    this.#take(TEXT + ownBytes)
  }

  /** A decimal number, bytes. */
  object(ownBytes = 0): void {
    this.#take(OBJECT + ownBytes)
  }

  date(): void {
    this.#take(DATE)
  }

  bytes(count: number): void {
    this.#take(count)
  }

  /** A key, the so-manieth of its dict. */
  key(key: unknown, place: number): void {
    if (typeof key !== 'string') this.#take(HASHED_KEY)
    else if (!this.#known.has(key)) {
      if (this.#known.size === MOST_KNOWN_KEYS) this.#known.clear()
      this.#known.add(key)
      this.#take(place > MOST_KEYS_OF_A_SHAPE ? NEW_KEY : NEW_SHAPE)
    } else this.#take(place > MOST_KEYS_OF_A_SHAPE ? HASHED_KEY : ITEM)
  }

  /** All of a value of JSON. */
  value(value: unknown): void {
    if (typeof value === 'string') this.text(value.length)
    else if (Array.isArray(value)) {
      this.#take(LIST + ITEM * value.length)
      for (const item of value) this.value(item)
    } else if (typeof value === 'object' && value !== null) {
      this.#take(DICT)
      for (const key in value) {
        this.key(key, 1)
        this.value((value as Readonly<Record<string, unknown>>)[key])
      }
    }
  }

  #take(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.#mostBytes) throw tooLarge(this.#problem(this.#mostBytes))
  }
}
