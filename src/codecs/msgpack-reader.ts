import { ByteReader } from './byte-reader.ts'
import { isoText } from './iso-text.ts'
import { exactInteger } from './numbers.ts'
import { dictOf } from './own-key.ts'
import { DateTime } from './values.ts'

/**
 * Reads MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md): integers exactly, bin as bytes,
 * timestamps as DateTime. Our own, as a lying length or deep nesting must not cost the process its memory.
 */
export function decodeMsgpack(bytes: Uint8Array): unknown {
  const reader: ByteReader = new ByteReader(bytes, () => `msgpack at byte ${reader.at}`)
  const value = readValue(reader, 0)
  if (reader.left > 0) throw reader.fail(`expected the end, found ${reader.left} more bytes`)
  return value
}

const MAX_DEPTH = 500
const TIMESTAMP = -1

function readValue(reader: ByteReader, depth: number): unknown {
  if (depth > MAX_DEPTH) throw reader.fail(`expected at most ${MAX_DEPTH} levels of nesting`)
  const tag = reader.byte()
  if (tag < 0x80) return tag
  if (tag < 0x90) return readMap(reader, tag & 0x0f, depth)
  if (tag < 0xa0) return readArray(reader, tag & 0x0f, depth)
  if (tag < 0xc0) return reader.text(tag & 0x1f)
  if (tag >= 0xe0) return tag - 0x100
  return readTagged(reader, tag, depth)
}

function readTagged(reader: ByteReader, tag: number, depth: number): unknown {
  const read = TAGGED[tag]
  if (read !== undefined) return read(reader)
  switch (tag) {
    case 0xdc:
      return readArray(reader, uint16(reader), depth)
    case 0xdd:
      return readArray(reader, uint32(reader), depth)
    case 0xde:
      return readMap(reader, uint16(reader), depth)
    case 0xdf:
      return readMap(reader, uint32(reader), depth)
    default:
      throw reader.fail(`expected a value, found the unused tag 0x${tag.toString(16)}`)
  }
}

const TAGGED: Readonly<Record<number, (reader: ByteReader) => unknown>> = {
  192: () => null,
  194: () => false,
  195: () => true,
  196: (reader) => reader.copy(reader.byte()),
  197: (reader) => reader.copy(uint16(reader)),
  198: (reader) => reader.copy(uint32(reader)),
  199: (reader) => readExtension(reader, reader.byte()),
  200: (reader) => readExtension(reader, uint16(reader)),
  201: (reader) => readExtension(reader, uint32(reader)),
  202: (reader) => reader.take(4).readFloatBE(),
  203: (reader) => reader.take(8).readDoubleBE(),
  204: (reader) => reader.byte(),
  205: uint16,
  206: uint32,
  207: (reader) => exactInteger(reader.take(8).readBigUInt64BE()),
  208: (reader) => reader.take(1).readInt8(),
  209: (reader) => reader.take(2).readInt16BE(),
  210: (reader) => reader.take(4).readInt32BE(),
  211: (reader) => exactInteger(reader.take(8).readBigInt64BE()),
  212: (reader) => readExtension(reader, 1),
  213: (reader) => readExtension(reader, 2),
  214: (reader) => readExtension(reader, 4),
  215: (reader) => readExtension(reader, 8),
  216: (reader) => readExtension(reader, 16),
  217: (reader) => reader.text(reader.byte()),
  218: (reader) => reader.text(uint16(reader)),
  219: (reader) => reader.text(uint32(reader)),
}

function uint16(reader: ByteReader): number {
  return reader.take(2).readUInt16BE()
}

function uint32(reader: ByteReader): number {
  return reader.take(4).readUInt32BE()
}

function readArray(reader: ByteReader, count: number, depth: number): unknown[] {
  const items: unknown[] = []
  for (let left = reader.count(count); left > 0; left -= 1) items.push(readValue(reader, depth + 1))
  return items
}

function readMap(reader: ByteReader, count: number, depth: number): object {
  const entries: [unknown, unknown][] = []
  for (let left = reader.count(count); left > 0; left -= 1) {
    const key = readValue(reader, depth + 1)
    entries.push([key, readValue(reader, depth + 1)])
  }
  return dictOf(entries)
}

function readExtension(reader: ByteReader, length: number): unknown {
  const type = reader.take(1).readInt8()
  const bytes = reader.take(length)
  if (type !== TIMESTAMP)
    throw reader.fail(`expected a timestamp, found the extension type ${type}`)
  if (length === 4) return timestamp(bytes.readUInt32BE(), 0)
  if (length === 8) {
    const both = bytes.readBigUInt64BE()
    return timestamp(Number(both & 0x3_ffff_ffffn), Number(both >> 34n))
  }
  if (length === 12) return timestamp(Number(bytes.readBigInt64BE(4)), bytes.readUInt32BE())
  throw reader.fail(`expected a timestamp of 4, 8 or 12 bytes, found ${length}`)
}

function timestamp(seconds: number, nanoseconds: number): DateTime {
  const date = new Date(seconds * 1000)
  return new DateTime(
    isoText({
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
      microsecond: Math.floor(nanoseconds / 1000),
      offsetSeconds: 0,
    }),
  )
}
