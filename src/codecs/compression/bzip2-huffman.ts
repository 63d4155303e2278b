import type { BitReader } from './bit-reader.ts'

const MAX_LENGTH = 20

/** A canonical Huffman code: symbols in order of the length of their codes, shorter codes first. */
export class HuffmanTable {
  /** Of each length: the first code, how many there are, and where their symbols start. */
  readonly #first = new Int32Array(MAX_LENGTH + 1)
  readonly #count = new Int32Array(MAX_LENGTH + 1)
  readonly #start = new Int32Array(MAX_LENGTH + 1)
  readonly #symbols: readonly number[]

  constructor(lengths: readonly number[]) {
    this.#symbols = lengths
      .map((_, symbol) => symbol)
      .sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b)
    for (const length of lengths) this.#count[length] = (this.#count[length] ?? 0) + 1
    let [code, start] = [0, 0]
    for (let length = 1; length <= MAX_LENGTH; length += 1) {
      code *= 2
      this.#first[length] = code
      this.#start[length] = start
      code += this.#count[length] ?? 0
      start += this.#count[length] ?? 0
    }
  }

  /** The lengths are written as steps up or down from the one before. */
  static read(bits: BitReader, alphabet: number): HuffmanTable {
    let length = bits.read(5)
    const lengths = Array.from({ length: alphabet }, () => {
      while (bits.read(1) === 1) length += bits.read(1) === 1 ? -1 : 1
      if (length < 1 || length > MAX_LENGTH)
        throw new Error(`expected codes of 1 to ${MAX_LENGTH} bits`)
      return length
    })
    return new HuffmanTable(lengths)
  }

  next(bits: BitReader): number {
    let code = 0
    for (let length = 1; length <= MAX_LENGTH; length += 1) {
      code = code * 2 + bits.read(1)
      const place = code - (this.#first[length] ?? 0)
      if (place < (this.#count[length] ?? 0))
        return this.#symbols[(this.#start[length] ?? 0) + place] ?? 0
    }
    throw new Error('expected a code of the Huffman table')
  }
}
