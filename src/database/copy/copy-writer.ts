const CHUNK_BYTES = 64 * 1024
/** A UTF-16 unit takes three bytes of UTF-8 at most. */
const MOST_BYTES_A_UNIT = 3
/** Names and ids: to leave JavaScript for so little takes longer than to write it. */
const MOST_UNITS_HERE = 64
const INT32 = 2 ** 32

/** The fields of a binary COPY: in network order, texts and bytes after their length; large ones are passed on, not copied. */
export class CopyWriter {
  readonly #chunks: Buffer[] = []
  #chunk: Buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  #at = 0

  /** All that was written, in order; the writer ends with it. */
  chunks(): readonly Buffer[] {
    return [...this.#chunks, this.#chunk.subarray(0, this.#at)]
  }

  int8(value: number): void {
    this.#makeRoom(1)
    this.#at = this.#chunk.writeInt8(value, this.#at)
  }

  int16(value: number): void {
    this.#makeRoom(2)
    this.#at = this.#chunk.writeInt16BE(value, this.#at)
  }

  int32(value: number): void {
    this.#makeRoom(4)
    this.#at = this.#chunk.writeInt32BE(value, this.#at)
  }

  /** A whole number, exact as far as `value` is. */
  int64(value: number | bigint): void {
    this.#makeRoom(8)
    if (typeof value === 'bigint') {
      this.#at = this.#chunk.writeBigInt64BE(value, this.#at)
      return
    }
    const high = Math.floor(value / INT32)
    this.#at = this.#chunk.writeInt32BE(high, this.#at)
    this.#at = this.#chunk.writeUInt32BE(value - high * INT32, this.#at)
  }

  double(value: number): void {
    this.#makeRoom(8)
    this.#at = this.#chunk.writeDoubleBE(value, this.#at)
  }

  /** After their number, an int32. Many are passed on, not copied. */
  bytes(value: Buffer): void {
    this.int32(value.length)
    if (value.length > CHUNK_BYTES) {
      this.#close()
      this.#chunks.push(value)
      return
    }
    this.#makeRoom(value.length)
    this.#at += value.copy(this.#chunk, this.#at)
  }

  /** Of bytes that are written as hex here, so many at most. */
  hex(value: string, most: number): void {
    const length = Math.min(value.length / 2, most)
    this.int32(length)
    this.#makeRoom(length)
    this.#at += this.#chunk.write(value, this.#at, length, 'hex')
  }

  /** UTF-8 after its number of bytes; a `version` of the format comes first and counts. */
  text(value: string, version?: number): void {
    this.#makeRoom(5 + MOST_BYTES_A_UNIT * value.length)
    const lengthAt = this.#at
    this.#at += 4
    if (version !== undefined) this.#at = this.#chunk.writeInt8(version, this.#at)
    const isWritten = value.length <= MOST_UNITS_HERE && this.#ascii(value)
    if (!isWritten) this.#at += this.#chunk.write(value, this.#at, 'utf8')
    this.#chunk.writeInt32BE(this.#at - lengthAt - 4, lengthAt)
  }

  /** Whether it was nothing but ASCII, and is written. */
  #ascii(value: string): boolean {
    const chunk = this.#chunk
    const start = this.#at
    for (let index = 0; index < value.length; index += 1) {
      const unit = value.charCodeAt(index)
      if (unit > 0x7f) return false
      chunk[start + index] = unit
    }
    this.#at = start + value.length
    return true
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#chunk.length) return
    this.#close()
    this.#chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, bytes))
  }

  #close(): void {
    if (this.#at > 0) this.#chunks.push(this.#chunk.subarray(0, this.#at))
    this.#chunk = this.#chunk.subarray(this.#at)
    this.#at = 0
  }
}
