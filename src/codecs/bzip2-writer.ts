import { BitWriter } from './bit-writer.ts'
import { BLOCK_MARK, bzip2Crc, combineCrc, END_MARK, GROUP_SIZE } from './bzip2-bits.ts'
import { canonicalCodes, codeLengths } from './bzip2-huffman.ts'
import { transform } from './bzip2-transform.ts'

/** Blocks of level 1 hold 100 kB, which bodies of tasks seldom fill; five bytes of text become six at most. */
const BLOCK = 80_000

/** Compresses as bzip2. Simple: one Huffman table a block; Python and bzip2 read it like any other. */
export function bzip2Compress(bytes: Uint8Array): Buffer {
  const bits = new BitWriter()
  for (const byte of Buffer.from('BZh1')) bits.write(byte, 8)
  let crc = 0
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const block = bytes.subarray(at, at + BLOCK)
    crc = combineCrc(crc, bzip2Crc(block))
    writeBlock(bits, block)
  }
  for (const mark of END_MARK) bits.write(mark, 24)
  bits.write32(crc)
  return bits.finish()
}

function writeBlock(bits: BitWriter, block: Uint8Array): void {
  for (const mark of BLOCK_MARK) bits.write(mark, 24)
  bits.write32(bzip2Crc(block))
  bits.write(0, 1)
  const { column, start } = transform(foldRuns(block))
  bits.write(start, 24)
  const used = [...new Set(column)].sort((one, other) => one - other)
  writeUsedBytes(bits, new Set(used))
  writeSymbols(bits, symbolsOf(column, used), used.length + 2)
}

/** Four equal bytes are followed by a count of how many more there are. */
function foldRuns(block: Uint8Array): Uint8Array {
  const folded: number[] = []
  for (let at = 0; at < block.length; ) {
    let run = 1
    while (run < 255 && block[at + run] === block[at]) run += 1
    for (let copy = 0; copy < Math.min(run, 4); copy += 1) folded.push(block[at] ?? 0)
    if (run >= 4) folded.push(run - 4)
    at += run
  }
  return Uint8Array.from(folded)
}

function writeUsedBytes(bits: BitWriter, used: ReadonlySet<number>): void {
  const groups = Array.from({ length: 16 }, (_, group) =>
    Array.from({ length: 16 }, (_, at) => used.has(group * 16 + at)),
  )
  for (const group of groups) bits.write(group.includes(true) ? 1 : 0, 1)
  for (const group of groups.filter((each) => each.includes(true))) {
    for (const isUsed of group) bits.write(isUsed ? 1 : 0, 1)
  }
}

/** Places in a move-to-front list, runs of the first place in bijective base 2, and the end. */
function symbolsOf(column: Uint8Array, used: readonly number[]): number[] {
  const list = [...used]
  const symbols: number[] = []
  let run = 0
  for (const byte of column) {
    const place = list.indexOf(byte)
    if (place === 0) {
      run += 1
      continue
    }
    pushRun(symbols, run)
    run = 0
    symbols.push(place + 1)
    list.splice(place, 1)
    list.unshift(byte)
  }
  pushRun(symbols, run)
  symbols.push(used.length + 1)
  return symbols
}

function pushRun(symbols: number[], run: number): void {
  for (let left = run; left > 0; left = (left - 1) >> 1) symbols.push((left - 1) & 1)
}

/** bzip2 wants two tables at least: here they are the same, and each group takes the first. */
function writeSymbols(bits: BitWriter, symbols: readonly number[], alphabet: number): void {
  const frequencies: number[] = new Array(alphabet).fill(0)
  for (const symbol of symbols) frequencies[symbol] = (frequencies[symbol] ?? 0) + 1
  const lengths = codeLengths(frequencies, 17)
  const codes = canonicalCodes(lengths)
  const groups = Math.ceil(symbols.length / GROUP_SIZE)
  bits.write(2, 3)
  bits.write(groups, 15)
  for (let group = 0; group < groups; group += 1) bits.write(0, 1)
  writeLengths(bits, lengths)
  writeLengths(bits, lengths)
  for (const symbol of symbols) bits.write(codes[symbol] ?? 0, lengths[symbol] ?? 0)
}

/** Each length as steps up (10) or down (11) from the one before, then 0. */
function writeLengths(bits: BitWriter, lengths: readonly number[]): void {
  let current = lengths[0] ?? 1
  bits.write(current, 5)
  for (const length of lengths) {
    for (; current < length; current += 1) bits.write(0b10, 2)
    for (; current > length; current -= 1) bits.write(0b11, 2)
    bits.write(0, 1)
  }
}
