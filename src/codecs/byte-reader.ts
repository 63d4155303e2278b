import { isAscii, isUtf8 } from 'node:buffer'
import { ProtocolError } from '../errors.ts'
import { decodeWithSurrogates } from './surrogates.ts'

/** Walks through bytes; asked for more than there are, it throws instead of believing the length. */
export class ByteReader {
  readonly bytes: Buffer
  /** Says what is being read, for errors: format, place and step. */
  readonly #place: () => string
  at = 0

  constructor(bytes: Uint8Array, place: () => string) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#place = place
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  byte(): number {
    const value = this.bytes[this.at]
    if (value === undefined) throw this.fail('expected one more byte, found the end')
    this.at += 1
    return value
  }

  /** The next bytes, without copying them. */
  take(count: number): Buffer {
    if (count > this.left) throw this.fail(`expected ${count} bytes, found ${this.left}`)
    this.at += count
    return this.bytes.subarray(this.at - count, this.at)
  }

  /** The next bytes as a Buffer of their own. */
  copy(count: number): Buffer {
    return Buffer.from(this.take(count))
  }

  text(count: number): string {
    const bytes = this.take(count)
    if (isAscii(bytes)) return bytes.toString('latin1')
    if (!isUtf8(bytes)) throw this.fail('expected text in UTF-8')
    return bytes.toString('utf8')
  }

  /** The same as Python's pickle writes it: halves of surrogate pairs may stand alone. */
  textWithSurrogates(count: number): string {
    const bytes = this.take(count)
    if (isAscii(bytes)) return bytes.toString('latin1')
    const text = isUtf8(bytes) ? bytes.toString('utf8') : decodeWithSurrogates(bytes)
    if (text === undefined) throw this.fail('expected text in UTF-8')
    return text
  }

  /** A length of 64 bits; what cannot be there is refused before anything is allocated. */
  length(value: bigint): number {
    if (value < 0n || value > BigInt(this.left)) {
      throw this.fail(`expected ${value} bytes, found ${this.left}`)
    }
    return Number(value)
  }

  /** How many values follow: each takes a byte at least. */
  count(value: number): number {
    if (value > this.left) throw this.fail(`expected ${value} values, found ${this.left} bytes`)
    return value
  }

  fail(problem: string, cause?: unknown): ProtocolError {
    return new ProtocolError('MESSAGE_UNDECODABLE', `${this.#place()}: ${problem}`, { cause })
  }
}
