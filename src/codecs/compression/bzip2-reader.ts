import { BitReader } from './bit-reader.ts'
import { BoundedBytes, PartCount } from './bounded-bytes.ts'
import { BLOCK_MARK, bzip2Crc, combineCrc, END_MARK } from './bzip2-bits.ts'
import { readColumn } from './bzip2-column.ts'

/** Expands bzip2, also several streams one after the other. */
export function bzip2Decompress(bytes: Uint8Array, maxBytes: number): Buffer {
  const bits = new BitReader(bytes)
  const output = new BoundedBytes(maxBytes)
  const parts = new PartCount()
  do readStream(bits, output, { maxBytes, parts })
  while (bits.startsByteWith('BZh'))
  return output.finish()
}

interface Bounds {
  readonly maxBytes: number
  readonly parts: PartCount
}

function readStream(bits: BitReader, output: BoundedBytes, { maxBytes, parts }: Bounds): void {
  parts.add()
  const level = bits.read(24) === 0x425a68 ? bits.read(8) - 0x30 : 0
  if (level < 1 || level > 9) throw new Error('expected a bzip2 header ("BZh1" to "BZh9")')
  let crc = 0
  while (readMark(bits) === 'block') {
    parts.add()
    const expected = bits.read32()
    const block = readBlock(bits, { size: level * 100_000, maxBytes })
    if (bzip2Crc(block) !== expected) throw new Error('expected another checksum of a block')
    crc = combineCrc(crc, expected)
    output.add(block)
  }
  if (bits.read32() !== crc) throw new Error('expected another checksum of the stream')
}

function readMark(bits: BitReader): 'block' | 'end' {
  const mark = [bits.read(24), bits.read(24)]
  if (mark[0] === BLOCK_MARK[0] && mark[1] === BLOCK_MARK[1]) return 'block'
  if (mark[0] === END_MARK[0] && mark[1] === END_MARK[1]) return 'end'
  throw new Error('expected the mark of a block or of the end')
}

interface Limits {
  readonly size: number
  readonly maxBytes: number
}

function readBlock(bits: BitReader, limits: Limits): Buffer {
  if (bits.read(1) === 1)
    throw new Error('expected a block that is not randomised (since bzip2 0.9.5)')
  const start = bits.read(24)
  const column = readColumn(bits, limits.size)
  if (start >= column.length) throw new Error('expected the block to start inside itself')
  return expandRuns(undoTransform(column, start), limits.maxBytes)
}

/** Undoes the Burrows-Wheeler transform: from the last column of the sorted rotations back to the text. */
function undoTransform(column: Uint8Array, start: number): Uint8Array {
  const places = new Uint32Array(257)
  for (const byte of column) places[byte + 1] = (places[byte + 1] ?? 0) + 1
  for (let byte = 0; byte < 256; byte += 1)
    places[byte + 1] = (places[byte + 1] ?? 0) + (places[byte] ?? 0)
  const next = new Uint32Array(column.length)
  column.forEach((byte, at) => {
    const place = places[byte] ?? 0
    next[place] = at
    places[byte] = place + 1
  })
  const text = new Uint8Array(column.length)
  let at = next[start] ?? 0
  for (let index = 0; index < text.length; index += 1) {
    text[index] = column[at] ?? 0
    at = next[at] ?? 0
  }
  return text
}

/** Four equal bytes are followed by a count of how many more there are. */
function expandRuns(text: Uint8Array, maxBytes: number): Buffer {
  const output = Buffer.allocUnsafe(expandedLength(text, maxBytes))
  let [length, run, last] = [0, 0, -1]
  for (const byte of text) {
    if (run === 4) {
      output.fill(last, length, length + byte)
      length += byte
      run = 0
      last = -1
    } else {
      output[length] = byte
      length += 1
      run = byte === last ? run + 1 : 1
      last = byte
    }
  }
  return output
}

function expandedLength(text: Uint8Array, maxBytes: number): number {
  let [length, run, last] = [0, 0, -1]
  for (const byte of text) {
    if (run === 4) {
      length += byte
      run = 0
      last = -1
    } else {
      length += 1
      run = byte === last ? run + 1 : 1
      last = byte
    }
  }
  if (length > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`)
  return length
}
