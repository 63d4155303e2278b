import { ByteWriter } from './byte-writer.ts'

/** Writes bits, the highest of each byte first. */
export class BitWriter {
  readonly #bytes = new ByteWriter()
  #held = 0
  #heldBits = 0

  /** Up to 24 bits. */
  write(value: number, count: number): void {
    this.#held = (this.#held << count) | value
    this.#heldBits += count
    while (this.#heldBits >= 8) {
      this.#heldBits -= 8
      this.#bytes.byte((this.#held >>> this.#heldBits) & 0xff)
    }
    this.#held &= 0xff
  }

  write32(value: number): void {
    this.write(value >>> 16, 16)
    this.write(value & 0xffff, 16)
  }

  /** The bytes, the last filled up with zeros. */
  finish(): Buffer {
    if (this.#heldBits > 0) this.write(0, 8 - this.#heldBits)
    return this.#bytes.finish()
  }
}
