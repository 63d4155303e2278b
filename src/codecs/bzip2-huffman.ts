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

/** Lengths of the codes for symbols that occur so often. Each symbol gets a code, also one that never occurs. */
export function codeLengths(frequencies: readonly number[], longest: number): number[] {
  const lengths = huffmanLengths(frequencies)
  if (Math.max(...lengths) <= longest) return lengths
  // Nearer to one another, the frequencies give a flatter tree.
  return codeLengths(
    frequencies.map((frequency) => Math.ceil((frequency + 1) / 2)),
    longest,
  )
}

/** The code of each symbol, by its length. */
export function canonicalCodes(lengths: readonly number[]): number[] {
  const codes: number[] = new Array(lengths.length).fill(0)
  let code = 0
  for (let length = 1; length <= MAX_LENGTH; length += 1) {
    for (const [symbol, each] of lengths.entries()) {
      if (each !== length) continue
      codes[symbol] = code
      code += 1
    }
    code *= 2
  }
  return codes
}

interface Tree {
  readonly weight: number
  readonly symbols: readonly number[]
}

function huffmanLengths(frequencies: readonly number[]): number[] {
  const lengths: number[] = new Array(frequencies.length).fill(0)
  const trees: Tree[] = frequencies.map((frequency, symbol) => ({
    weight: Math.max(1, frequency),
    symbols: [symbol],
  }))
  while (trees.length > 1) {
    trees.sort((one, other) => other.weight - one.weight)
    const [lighter, heavier] = [trees.pop(), trees.pop()]
    if (lighter === undefined || heavier === undefined) break
    const symbols = [...lighter.symbols, ...heavier.symbols]
    for (const symbol of symbols) lengths[symbol] = (lengths[symbol] ?? 0) + 1
    trees.push({ weight: lighter.weight + heavier.weight, symbols })
  }
  return lengths
}
