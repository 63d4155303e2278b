import type { BitReader } from './bit-reader.ts'
import { GROUP_SIZE } from './bzip2-bits.ts'
import { HuffmanTable } from './bzip2-huffman.ts'

/** Reads the last column of a block's sorted rotations: Huffman codes of runs and of places in a list. */
export function readColumn(bits: BitReader, size: number): Uint8Array {
  const used = readUsedBytes(bits)
  const symbols = new SymbolReader(bits, used.length + 2)
  const column = new Column(size)
  const end = used.length + 1
  for (let symbol = symbols.next(); symbol !== end; symbol = symbols.next()) {
    if (symbol <= 1) column.lengthenRun(symbol)
    else {
      column.endRun(used[0] ?? 0)
      column.add(toFront(used, symbol - 1))
    }
  }
  column.endRun(used[0] ?? 0)
  return column.finish()
}

/** Which bytes occur: sixteen bits for groups of sixteen, then as many for each group that occurs. */
function readUsedBytes(bits: BitReader): number[] {
  const groups = bits.read(16)
  const used: number[] = []
  for (let group = 0; group < 16; group += 1) {
    const members = groups & (0x8000 >> group) ? bits.read(16) : 0
    for (let at = 0; at < 16; at += 1) if (members & (0x8000 >> at)) used.push(group * 16 + at)
  }
  if (used.length === 0) throw new Error('expected a block with bytes in it')
  return used
}

/** Takes an item out of the list and puts it first. */
function toFront(list: number[], place: number): number {
  const [item = 0] = list.splice(place, 1)
  list.unshift(item)
  return item
}

/** Reads symbols, with the table chosen for each group of them. */
class SymbolReader {
  readonly #bits: BitReader
  readonly #tables: readonly HuffmanTable[]
  readonly #selectors: readonly number[]
  #count = 0

  constructor(bits: BitReader, alphabet: number) {
    this.#bits = bits
    const tableCount = bits.read(3)
    if (tableCount < 2 || tableCount > 6) throw new Error('expected 2 to 6 Huffman tables')
    this.#selectors = readSelectors(bits, tableCount)
    this.#tables = Array.from({ length: tableCount }, () => HuffmanTable.read(bits, alphabet))
  }

  next(): number {
    const selector = this.#selectors[Math.floor(this.#count / GROUP_SIZE)]
    const table = selector === undefined ? undefined : this.#tables[selector]
    if (table === undefined) throw new Error('expected the block to end with its groups of symbols')
    this.#count += 1
    return table.next(this.#bits)
  }
}

function readSelectors(bits: BitReader, tableCount: number): number[] {
  const count = bits.read(15)
  const order = Array.from({ length: tableCount }, (_, table) => table)
  return Array.from({ length: count }, () => {
    let place = 0
    while (bits.read(1) === 1) place += 1
    if (place >= tableCount) throw new Error(`expected one of ${tableCount} Huffman tables`)
    return toFront(order, place)
  })
}

/** The column as it grows: never longer than a block of its level may be. */
class Column {
  readonly #bytes: Uint8Array
  #length = 0
  #run = 0
  #runStep = 1

  constructor(size: number) {
    this.#bytes = new Uint8Array(size)
  }

  /** A run's length is written in bijective base 2: digit 1 is symbol 0, digit 2 is symbol 1. */
  lengthenRun(symbol: number): void {
    this.#run += this.#runStep * (symbol + 1)
    this.#runStep *= 2
    this.#checkRoom(this.#run)
  }

  endRun(byte: number): void {
    this.#bytes.fill(byte, this.#length, this.#length + this.#run)
    this.#length += this.#run
    this.#run = 0
    this.#runStep = 1
  }

  add(byte: number): void {
    this.#checkRoom(1)
    this.#bytes[this.#length] = byte
    this.#length += 1
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #checkRoom(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    throw new Error(`expected a block of at most ${this.#bytes.length} bytes`)
  }
}
