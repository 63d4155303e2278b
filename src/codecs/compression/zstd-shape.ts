import { PartCount } from './bounded-bytes.ts'

/** What a Zstandard body is made of, as its headers say. */
interface ZstdShape {
  /** Of the only frame there is, if it says so: what it certainly needs, and all that it can fill. */
  readonly contentBytes: number | undefined
  /** Bytes to write in the place of those that ask for too much, by where they are. */
  readonly changes: ReadonlyMap<number, number>
}

/**
 * Zstandard frames ask for a window, the memory to look back in, of up to terabytes, however little they hold. The
 * library takes it at once, so it is cut down first to what the frame can fill.
 * The format: https://www.rfc-editor.org/rfc/rfc8878.html
 */
export function zstdShape(bytes: Buffer, maxBytes: number): ZstdShape {
  const parts = new PartCount()
  const frames: Frame[] = []
  let expanded = 0
  for (let at = 0; at < bytes.length; ) {
    const frame = readFrame(bytes, at, parts)
    expanded += Math.max(frame.certainBytes, frame.contentBytes)
    if (expanded > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`)
    if (frame.contentBytes > frame.mostBytes) {
      throw new Error(`expected a frame of ${frame.contentBytes} bytes, found blocks for fewer`)
    }
    frames.push(frame)
    at = frame.end
  }
  const [only] = frames
  return {
    contentBytes: frames.length === 1 ? only?.contentBytes : undefined,
    changes: new Map(frames.flatMap((frame) => smallerWindow(bytes, frame, maxBytes))),
  }
}

interface Frame {
  readonly end: number
  /** Where its window is described; null where the whole content is the window. */
  readonly windowAt: number | null
  readonly contentBytes: number
  /** What its blocks of plain and of repeated bytes expand to. */
  readonly certainBytes: number
  /** No more than this: a compressed block holds up to 128 KiB. */
  readonly mostBytes: number
}

const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a5
const LARGEST_BLOCK = 128 * 1024
const NO_CONTENT = { windowAt: null, contentBytes: 0, certainBytes: 0, mostBytes: 0 }

function readFrame(bytes: Buffer, start: number, parts: PartCount): Frame {
  parts.add()
  const magic = bytes.length - start < 4 ? 0 : bytes.readUInt32LE(start)
  if (magic >>> 4 === SKIPPABLE && bytes.length - start >= 8) {
    return { ...NO_CONTENT, end: start + 8 + bytes.readUInt32LE(start + 4) }
  }
  if (magic !== MAGIC) throw new Error(`expected a zstd frame at byte ${start}`)
  const descriptor = bytes[start + 4] ?? 0
  const isSingle = (descriptor & 0x20) !== 0
  const sizeLength = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0
  const windowAt = isSingle ? null : start + 5
  const idLength = [0, 1, 2, 4][descriptor & 3] ?? 0
  const sizeAt = start + 5 + (isSingle ? 0 : 1) + idLength
  const contentBytes = contentSize(bytes, sizeAt, sizeLength)
  const blocks = readBlocks(bytes, sizeAt + sizeLength, parts)
  const end = blocks.end + ((descriptor & 4) === 0 ? 0 : 4)
  return { ...blocks, end, windowAt, contentBytes }
}

function contentSize(bytes: Buffer, at: number, length: number): number {
  if (length === 0 || at + length > bytes.length) return 0
  if (length === 8) return Number(bytes.readBigUInt64LE(at))
  return bytes.readUIntLE(at, length) + (length === 2 ? 256 : 0)
}

/** Each block says in three bytes whether it is the last, of which type, and how long. */
function readBlocks(
  bytes: Buffer,
  start: number,
  parts: PartCount,
): Pick<Frame, 'end' | 'certainBytes' | 'mostBytes'> {
  let [at, certainBytes, mostBytes, isLast] = [start, 0, 0, false]
  while (!isLast && at + 3 <= bytes.length) {
    parts.add()
    const header = bytes.readUIntLE(at, 3)
    const [type, size] = [(header >> 1) & 3, header >> 3]
    isLast = (header & 1) === 1
    at += 3 + (type === REPEATED ? 1 : size)
    if (type !== COMPRESSED) certainBytes += size
    mostBytes += type === COMPRESSED ? LARGEST_BLOCK : size
  }
  return { end: at, certainBytes, mostBytes }
}

const REPEATED = 1
const COMPRESSED = 2

/** An exponent in five bits and eighths in three: 2^(10 + exponent) bytes and so many eighths more. */
function smallerWindow(
  bytes: Buffer,
  { windowAt, mostBytes }: Frame,
  maxBytes: number,
): [number, number][] {
  if (windowAt === null) return []
  const enough = Math.max(1, Math.min(mostBytes, maxBytes))
  const exponent = Math.max(SMALLEST_EXPONENT, Math.ceil(Math.log2(enough)) - 10)
  return exponent < (bytes[windowAt] ?? 0) >> 3 ? [[windowAt, exponent << 3]] : []
}

/** A block may be as long as the window, and no longer than 128 KiB. */
const SMALLEST_EXPONENT = 7
