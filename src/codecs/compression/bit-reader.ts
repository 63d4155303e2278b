/** Reads bits, the highest of each byte first. */
export class BitReader {
  readonly #bytes: Uint8Array
  #at = 0
  #held = 0
  #heldBits = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Up to 24 bits. */
  read(count: number): number {
    while (this.#heldBits < count) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) throw new Error('expected more bytes, found the end')
      this.#at += 1
      this.#held = ((this.#held & 0xff_ffff) << 8) | byte
      this.#heldBits += 8
    }
    this.#heldBits -= count
    return (this.#held >>> this.#heldBits) & ((1 << count) - 1)
  }

  read32(): number {
    return ((this.read(16) << 16) | this.read(16)) >>> 0
  }

  /** Drops the rest of the byte, and returns whether this text follows. */
  startsByteWith(text: string): boolean {
    this.#heldBits -= this.#heldBits % 8
    const at = this.#at - this.#heldBits / 8
    return Buffer.from(this.#bytes.subarray(at, at + text.length)).toString('latin1') === text
  }
}
