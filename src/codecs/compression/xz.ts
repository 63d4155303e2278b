import { crc32 } from 'node:zlib'
import { BoundedBytes } from './bounded-bytes.ts'

const CHUNK = 0x1_0000
/** Stream flags: every block carries a CRC-32. */
const FLAGS = Buffer.from([0x00, 0x01])
/** One filter, LZMA2 (0x21), with a dictionary of 64 KiB (8). */
const BLOCK_HEADER = withCrc(Buffer.from([0x02, 0x00, 0x21, 0x01, 0x08, 0x00, 0x00, 0x00]))

/**
 * An .xz stream that stores the bytes as they are: any reader of .xz takes it, and no library we trust writes a
 * smaller one on Node 20. The format: https://tukaani.org/xz/xz-file-format.txt
 */
export function xzStore(bytes: Buffer): Buffer {
  const header = Buffer.concat([Buffer.from('fd377a585a00', 'hex'), withCrc(FLAGS)])
  const chunks = storedChunks(bytes)
  const unpaddedSize = BLOCK_HEADER.length + chunks.length + 4
  const index = indexOf(unpaddedSize, bytes.length)
  const backward = Buffer.alloc(4)
  backward.writeUInt32LE(index.length / 4 - 1)
  const tail = Buffer.concat([backward, FLAGS])
  const footer = Buffer.concat([crcOf(tail), tail, Buffer.from('YZ')])
  return Buffer.concat([header, BLOCK_HEADER, padded(chunks), crcOf(bytes), index, footer])
}

/** Expands in pieces, so that too much is noticed early. */
export async function xzDecompress(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const library = await import('xz-decompress')
  // It is CommonJS: Node finds its exports under `default`, bundlers and loaders beside it.
  const { XzReadableStream } = library.default ?? library
  const output = new BoundedBytes(maxBytes)
  const reader = new XzReadableStream(inPieces(bytes)).getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      output.add(next.value)
    }
  } catch (error) {
    // The library expands one body at a time: left open, this one would keep all others waiting.
    await reader.cancel().catch(() => undefined)
    throw error
  }
  return output.finish()
}

/** Without a copy of them. */
function inPieces(bytes: Buffer): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.subarray(at, at + CHUNK))
      at += CHUNK
      if (at >= bytes.length) controller.close()
    },
  })
}

/** LZMA2 chunks: 1 starts the first, 2 the others, 0 ends them. */
function storedChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const chunk = bytes.subarray(at, at + CHUNK)
    const header = Buffer.from([at === 0 ? 1 : 2, 0, 0])
    header.writeUInt16BE(chunk.length - 1, 1)
    parts.push(header, chunk)
  }
  return Buffer.concat([...parts, Buffer.from([0])])
}

function indexOf(unpaddedSize: number, size: number): Buffer {
  const records = [0, 1, ...variableLength(unpaddedSize), ...variableLength(size)]
  return withCrc(padded(Buffer.from(records)))
}

/** Seven bits a byte, least first. */
function variableLength(value: number): number[] {
  return value < 0x80
    ? [value]
    : [(value % 0x80) | 0x80, ...variableLength(Math.floor(value / 0x80))]
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
}

function withCrc(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, crcOf(bytes)])
}

function crcOf(bytes: Buffer): Buffer {
  const crc = Buffer.alloc(4)
  crc.writeUInt32LE(crc32(bytes))
  return crc
}
