/** As many as a text of JavaScript may have characters. */
const MOST_BYTES = 2 ** 29 - 24

/** Bytes being written into a buffer that grows. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(512)
  #at = 0

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  byte(value: number): void {
    this.#reserve(1)[this.#at] = value
    this.#at += 1
  }

  uint16be(value: number): void {
    this.#at = this.#reserve(2).writeUInt16BE(value, this.#at)
  }

  uint16le(value: number): void {
    this.#at = this.#reserve(2).writeUInt16LE(value, this.#at)
  }

  uint32be(value: number): void {
    this.#at = this.#reserve(4).writeUInt32BE(value, this.#at)
  }

  uint32le(value: number): void {
    this.#at = this.#reserve(4).writeUInt32LE(value, this.#at)
  }

  int32le(value: number): void {
    this.#at = this.#reserve(4).writeInt32LE(value, this.#at)
  }

  int64be(value: bigint): void {
    this.#at = this.#reserve(8).writeBigInt64BE(value, this.#at)
  }

  uint64be(value: bigint): void {
    this.#at = this.#reserve(8).writeBigUInt64BE(value, this.#at)
  }

  uint64le(value: bigint): void {
    this.#at = this.#reserve(8).writeBigUInt64LE(value, this.#at)
  }

  doubleBe(value: number): void {
    this.#at = this.#reserve(8).writeDoubleBE(value, this.#at)
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length).set(bytes, this.#at)
    this.#at += bytes.length
  }

  text(text: string, byteLength: number): void {
    const buffer = this.#reserve(byteLength)
    // Short ASCII, as most keys are, is written sooner than the native call is made.
    if (byteLength === text.length && byteLength < 32) {
      for (let at = 0; at < byteLength; at += 1) buffer[this.#at + at] = text.charCodeAt(at)
    } else buffer.write(text, this.#at, 'utf8')
    this.#at += byteLength
  }

  #reserve(count: number): Buffer {
    const needed = this.#at + count
    if (needed > this.#buffer.length) {
      if (needed > MOST_BYTES) throw new RangeError(`it has more than ${MOST_BYTES} bytes`)
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
      this.#buffer.copy(larger, 0, 0, this.#at)
      this.#buffer = larger
    }
    return this.#buffer
  }
}
