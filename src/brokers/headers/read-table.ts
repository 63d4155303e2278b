import { isUtf8 } from 'node:buffer'
import { Decimal } from '../../codecs/values.ts'
import { textOfError } from '../../text-of-error.ts'
import { TextCache, utf8 } from './text-cache.ts'

/** Where the reader says why the rest of a broken table could not be read. */
export const UNREADABLE_HEADERS = 'x-unreadable-headers'

const DEEPEST = 100

/** Apart, so that texts that differ in each message take no name's place. */
const names = new TextCache()
const shortTexts = new TextCache()
/** Bytes of names of tasks, languages and hosts; an id is longer. */
const SHORT = 24

/**
 * Reads the fields of an AMQP table (without its length). Never throws: an error here would end the whole
 * connection, the message would come again, and end the next one. What is broken is named in a header.
 */
export function readTable(bytes: Buffer): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  try {
    new TableReader(bytes).readFields(fields, bytes.length)
  } catch (cause) {
    fields[UNREADABLE_HEADERS] = textOfError(cause)
  }
  return fields
}

class TableReader {
  readonly #bytes: Buffer
  #at = 0
  #depth = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  readFields(fields: Record<string, unknown>, end: number): Record<string, unknown> {
    while (this.#at < end) {
      const length = this.#bytes[this.#take(1)] ?? 0
      const start = this.#take(length)
      const key = names.textOf(this.#bytes, start, start + length)
      setField(fields, key, this.#value())
    }
    return fields
  }

  #value(): unknown {
    const tag = this.#bytes[this.#take(1)] ?? 0
    switch (tag) {
      case 0x53: // S, long string
        return this.#textOrBytes(this.#length())
      case 0x49: // I
        return this.#bytes.readInt32BE(this.#take(4))
      case 0x56: // V
        return null
      case 0x74: // t
        return this.#bytes[this.#take(1)] !== 0
      case 0x46: // F
        return this.#table()
      case 0x41: // A
        return this.#array()
      case 0x6c: // l
      case 0x4c: // L, signed as well: it is py-amqp's tag for what does not fit 32 bits
        return exact(this.#bytes.readBigInt64BE(this.#take(8)))
      case 0x64: // d
        return this.#bytes.readDoubleBE(this.#take(8))
      case 0x78: // x
        return this.#byteArray()
      default:
        return this.#rareValue(tag)
    }
  }

  #rareValue(tag: number): unknown {
    switch (String.fromCharCode(tag)) {
      case 'T':
        return new Date(Number(this.#bytes.readBigInt64BE(this.#take(8))) * 1000)
      case 'D':
        return this.#decimal()
      case 'b':
        return this.#bytes.readInt8(this.#take(1))
      case 'B':
        return this.#bytes[this.#take(1)]
      case 's':
        return this.#bytes.readInt16BE(this.#take(2))
      case 'u':
        return this.#bytes.readUInt16BE(this.#take(2))
      case 'i':
        return this.#bytes.readUInt32BE(this.#take(4))
      case 'f':
        return this.#bytes.readFloatBE(this.#take(4))
      default:
        throw new TypeError(
          `byte ${this.#at - 1} of the headers is 0x${tag.toString(16)}, which is not a type of AMQP 0-9-1`,
        )
    }
  }

  #table(): Record<string, unknown> {
    return this.#nested((end) => this.readFields({}, end))
  }

  #array(): unknown[] {
    return this.#nested((end) => {
      const values: unknown[] = []
      while (this.#at < end) values.push(this.#value())
      return values
    })
  }

  #nested<T>(read: (end: number) => T): T {
    const length = this.#length()
    this.#depth += 1
    if (this.#depth > DEEPEST) throw new TypeError(`the headers nest deeper than ${DEEPEST} tables`)
    const end = this.#at + length
    this.#requireRoom(length)
    const value = read(end)
    if (this.#at !== end)
      throw new TypeError(`a table in the headers ends at ${this.#at}, not ${end}`)
    this.#depth -= 1
    return value
  }

  #decimal(): Decimal {
    const scale = this.#bytes[this.#take(1)] ?? 0
    const unscaled = this.#bytes.readInt32BE(this.#take(4))
    if (scale === 0) return new Decimal(String(unscaled))
    const digits = String(Math.abs(unscaled)).padStart(scale + 1, '0')
    return new Decimal(
      `${unscaled < 0 ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`,
    )
  }

  // A copy, so that a few bytes do not hold on to the whole chunk that came from the socket.
  #byteArray(): Buffer {
    const length = this.#length()
    const start = this.#take(length)
    return Buffer.from(this.#bytes.subarray(start, start + length))
  }

  /** As py-amqp reads it, which sends bytes under the type of text. */
  #textOrBytes(length: number): string | Buffer {
    const start = this.#take(length)
    const end = start + length
    const text =
      length <= SHORT ? shortTexts.textOf(this.#bytes, start, end) : utf8(this.#bytes, start, end)
    if (!text.includes('\ufffd')) return text
    const bytes = this.#bytes.subarray(start, end)
    return isUtf8(bytes) ? text : Buffer.from(bytes)
  }

  #length(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  #take(size: number): number {
    this.#requireRoom(size)
    const start = this.#at
    this.#at += size
    return start
  }

  #requireRoom(size: number): void {
    if (this.#at + size > this.#bytes.length) {
      throw new TypeError(`the headers end in the middle of a value, at byte ${this.#bytes.length}`)
    }
  }
}

function exact(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** A header may be called `__proto__`; it must not become one. */
function setField(fields: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') fields[key] = value
  else
    Object.defineProperty(fields, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    })
}
