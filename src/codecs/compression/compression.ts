import type { Transform } from 'node:stream'
import { promisify } from 'node:util'
import { brotliCompress, createBrotliDecompress, createInflate, deflate } from 'node:zlib'
import { ThreadLost } from '../../async/thread.ts'
import { ProtocolError } from '../../errors.ts'
import { textOfError } from '../../text-of-error.ts'
import { expandInThread, lostInThread } from '../decode-in-thread.ts'
import { DEFAULT_LIMITS, type MessageLimits, tooLarge } from '../limits.ts'
import { BoundedBytes } from './bounded-bytes.ts'
import { xzStore } from './xz.ts'
import { zstdCompress } from './zstd.ts'

interface Compression {
  /** What the header `compression` says. */
  readonly contentType: string
  /** Names it has in `task_compression`. */
  readonly names: readonly string[]
  /** Absent where bodies are read only. */
  readonly compress?: (bytes: Buffer) => Promise<Buffer>
  decompress(bytes: Buffer, limits: ExpandLimits): Promise<Buffer>
}

type ExpandLimits = Pick<MessageLimits, 'maxBytes' | 'withinMs'>

const deflated = promisify(deflate)
const brotliCompressed = promisify(brotliCompress)

/** Celery's compressions: https://docs.celeryq.dev/en/stable/userguide/calling.html#compression */
const COMPRESSIONS: readonly Compression[] = [
  {
    // The names say gzip, the bytes are a zlib stream: so it is in Python, so it must be here.
    contentType: 'application/x-gzip',
    names: ['gzip', 'zlib'],
    compress: (bytes) => deflated(bytes),
    decompress: (bytes, { maxBytes }) => expanded(createInflate(PIECES), bytes, maxBytes),
  },
  {
    contentType: 'application/x-bz2',
    names: ['bzip2', 'bzip'],
    decompress: (bytes, limits) => expandInThread('application/x-bz2', bytes, limits),
  },
  {
    contentType: 'application/x-brotli',
    names: ['brotli'],
    compress: (bytes) => brotliCompressed(bytes),
    decompress: (bytes, { maxBytes }) => expanded(createBrotliDecompress(PIECES), bytes, maxBytes),
  },
  {
    contentType: 'application/x-lzma',
    names: ['lzma', 'xz'],
    compress: async (bytes) => xzStore(bytes),
    decompress: (bytes, limits) => expandInThread('application/x-lzma', bytes, limits),
  },
  {
    contentType: 'application/zstd',
    names: ['zstd', 'zstandard'],
    compress: zstdCompress,
    decompress: (bytes, limits) => expandInThread('application/zstd', bytes, limits),
  },
]

/**
 * What the header `compression` holds for a compression that is named as in `task_compression`. Throws a ProtocolError
 * VALUE_UNENCODABLE for one that is unknown, or that is only read.
 */
export function compressionFor(name: string): { readonly contentType: string } {
  return { contentType: findWritten(name).contentType }
}

/** Compresses a body by name ("zlib") or content type ("application/x-gzip"). Throws as compressionFor(). */
export async function compress(bytes: Uint8Array, name: string): Promise<Buffer> {
  return await findWritten(name).compress(asBuffer(bytes))
}

/** Expands a body by what its header `compression` says, off the event loop. */
export async function decompress(
  bytes: Uint8Array,
  contentType: string,
  limits: ExpandLimits = DEFAULT_LIMITS,
): Promise<Buffer> {
  const compression = find(contentType, 'MESSAGE_UNDECODABLE')
  const size = bytes.length
  const maxBytes = Math.min(limits.maxBytes, Math.max(FREE_OF_RATIO, size * MAX_RATIO))
  try {
    return await compression.decompress(asBuffer(bytes), { ...limits, maxBytes })
  } catch (cause) {
    throw unexpandable({ contentType, size, maxBytes, cause })
  }
}

/** Large enough that the pieces of a large body take little time, and few of them wait to be collected. */
const PIECES = { chunkSize: 256 * 1024 }

/** Node's own functions hold a large body twice: in pieces, and as a whole. */
async function expanded(expand: Transform, bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const output = new BoundedBytes(maxBytes)
  expand.end(bytes)
  for await (const piece of expand) output.add(piece)
  return output.finish()
}

/** No producer's data shrinks so much. */
const MAX_RATIO = 100_000
const FREE_OF_RATIO = 1024 * 1024

interface Failure {
  readonly contentType: string
  readonly size: number
  readonly maxBytes: number
  readonly cause: unknown
}

function unexpandable({ contentType, size, maxBytes, cause }: Failure): ProtocolError {
  const place = `cannot expand the body of ${size} bytes as ${contentType}: `
  if (isTooLarge(cause)) {
    const ratio = `more than ${Math.floor(maxBytes / Math.max(1, size))} times its size`
    return tooLarge(`${place}it expands to more than ${maxBytes} bytes, ${ratio}`, cause)
  }
  const why = textOfError(cause)
  if (cause instanceof ThreadLost && cause.reason !== 'crash') return lostInThread(place, cause)
  if (cause instanceof ProtocolError) return new ProtocolError(cause.code, place + why, { cause })
  return new ProtocolError('MESSAGE_UNDECODABLE', place + why, { cause })
}

function findWritten(name: string): Required<Compression> {
  const { compress, ...found } = find(name, 'VALUE_UNENCODABLE')
  if (compress !== undefined) return { ...found, compress }
  throw new ProtocolError('VALUE_UNENCODABLE', `"${name}" is read here and not written; use gzip`)
}

function find(name: string, code: 'VALUE_UNENCODABLE' | 'MESSAGE_UNDECODABLE'): Compression {
  const found = COMPRESSIONS.find((each) => each.contentType === name || each.names.includes(name))
  if (found !== undefined) return found
  const known = COMPRESSIONS.map((each) => `${each.names.join(' or ')} (${each.contentType})`)
  throw new ProtocolError(code, `unknown compression "${name}"; expected ${known.join(', ')}`)
}

function isTooLarge(cause: unknown): boolean {
  return cause instanceof RangeError || (cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE'
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
