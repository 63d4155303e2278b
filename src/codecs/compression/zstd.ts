import * as zlib from 'node:zlib'
import { BoundedBytes } from './bounded-bytes.ts'
import { zstdShape } from './zstd-shape.ts'

const MAGIC = 0xfd2fb528
const BLOCK = 128 * 1024

/** A Zstandard frame. Node compresses it from 22.15 on; before, the bytes are stored in it as they are. */
export async function zstdCompress(bytes: Buffer): Promise<Buffer> {
  const native = 'zstdCompressSync' in zlib ? zlib.zstdCompressSync : undefined
  // Python's zstandard reads only frames that tell their size.
  if (typeof native === 'function') return native(bytes, { pledgedSrcSize: bytes.length })
  return stored(bytes)
}

/** In one place, where a frame says how long it is, as Python's do; else in pieces, so that too much is noticed early. */
export async function zstdDecompress(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const { contentBytes, changes } = zstdShape(bytes, maxBytes)
  const { Decompress, decompress } = await import('fzstd')
  if (contentBytes) {
    const content = Buffer.from(new ArrayBuffer(contentBytes))
    try {
      decompress(bytes, content)
    } catch (cause) {
      // A frame that holds more than it says leaves its place: no limit of ours.
      if (!(cause instanceof RangeError)) throw cause
      throw new Error(`expected ${contentBytes} bytes, as its frame says`, { cause })
    }
    return content
  }
  const output = new BoundedBytes(maxBytes)
  const stream = new Decompress((chunk) => output.add(chunk))
  for (let at = 0; at < bytes.length; at += PIECE) {
    stream.push(pieceOf(bytes, at, changes), at + PIECE >= bytes.length)
  }
  return output.finish()
}

/** A piece of blocks that say "this byte, 128 KiB times" may grow so much. */
const PIECE = 8 * 1024

function pieceOf(bytes: Buffer, start: number, changes: ReadonlyMap<number, number>): Buffer {
  const piece = bytes.subarray(start, start + PIECE)
  const here = [...changes].filter(([at]) => at >= start && at < start + piece.length)
  if (here.length === 0) return piece
  const changed = Buffer.from(piece)
  for (const [at, byte] of here) changed[at - start] = byte
  return changed
}

function stored(bytes: Buffer): Buffer {
  const header = Buffer.alloc(9)
  header.writeUInt32LE(MAGIC, 0)
  header.writeUInt8(0xa0, 4) // one segment, its size in four bytes
  header.writeUInt32LE(bytes.length, 5)
  const parts: Buffer[] = [header]
  let at = 0
  do {
    const block = bytes.subarray(at, at + BLOCK)
    at += BLOCK
    const blockHeader = Buffer.alloc(3)
    blockHeader.writeUIntLE(block.length * 8 + (at >= bytes.length ? 1 : 0), 0, 3)
    parts.push(blockHeader, block)
  } while (at < bytes.length)
  return Buffer.concat(parts)
}
