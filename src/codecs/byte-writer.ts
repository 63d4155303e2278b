/** Bytes being written into a buffer that grows. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(512)
  #at = 0

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  byte(value: number): void {
    this.#at = this.#reserve(1).writeUInt8(value, this.#at)
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
    this.#at += this.#reserve(byteLength).write(text, this.#at, 'utf8')
  }

  #reserve(count: number): Buffer {
    const needed = this.#at + count
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
      this.#buffer.copy(larger, 0, 0, this.#at)
      this.#buffer = larger
    }
    return this.#buffer
  }
}
