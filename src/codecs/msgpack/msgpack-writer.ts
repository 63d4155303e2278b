import { ByteWriter } from '../byte-writer.ts'
import {
  encodeWhole,
  type Format,
  hasToJson,
  isLongInteger,
  notDataReason,
  UNENCODABLE,
} from '../encodable.ts'
import { EncodeNodes } from '../encode-nodes.ts'
import { isWholeNumber } from '../numbers.ts'
import { hasHalfSurrogate } from '../surrogates.ts'
import { DateTime, Decimal, Float, LocalDate, LocalTime, TimeDelta, Uuid } from '../values.ts'

/** Writes MessagePack as Python's msgpack does: text as str, bytes as bin, each integer as short as it goes. */
export function encodeMsgpack(value: unknown, maxNodes?: number): Buffer {
  return encodeWhole(value, MSGPACK_FORMAT, () => {
    const writer = new MsgpackOutput(value, maxNodes)
    writeValue(writer, value, MSGPACK_FORMAT.maxDepth)
    return writer.finish()
  })
}

class MsgpackOutput extends ByteWriter {
  readonly nodes: EncodeNodes

  constructor(root: unknown, maxNodes: number | undefined) {
    super()
    this.nodes = new EncodeNodes(root, maxNodes)
  }
}

const MSGPACK_FORMAT: Format = {
  name: 'msgpack',
  maxDepth: 500,
  reason: unwritableReason,
  keyReason: (key) => {
    if (typeof key === 'string') return hasHalfSurrogate(key) ? HALF_SURROGATE : null
    return isNumber(key) ? null : 'it is neither text nor number'
  },
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint'
}

function unwritableReason(value: unknown): string | null {
  if (typeof value === 'bigint' && (value < -(2n ** 63n) || value >= 2n ** 64n)) {
    return isLongInteger(value)
      ? 'the integer has more than 64 bits'
      : `the integer ${value} has more than 64 bits`
  }
  if (typeof value === 'string' && hasHalfSurrogate(value)) return HALF_SURROGATE
  const foreign = FOREIGN.find((type) => value instanceof type)
  return foreign === undefined ? notDataReason(value) : `msgpack has no form for a ${foreign.name}`
}

const HALF_SURROGATE = 'the text has half of a surrogate pair, which UTF-8 has no form for'

const FOREIGN = [Set, Decimal, Uuid, LocalDate, LocalTime, TimeDelta] as const

function writeValue(writer: MsgpackOutput, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
      writeText(writer, value)
      break
    case 'number':
      writeNumber(writer, value)
      break
    case 'bigint':
      writeBigint(writer, value)
      break
    case 'boolean':
      writer.byte(value ? 0xc3 : 0xc2)
      break
    case 'undefined':
      writer.byte(0xc0)
      break
    case 'object':
      value === null ? writer.byte(0xc0) : writeObject(writer, value, depth)
      break
    default:
      throw UNENCODABLE
  }
}

function writeObject(writer: MsgpackOutput, value: object, depth: number): void {
  if (depth <= 0) throw UNENCODABLE
  if (Array.isArray(value)) writeArray(writer, value, depth)
  else if (value instanceof Uint8Array) writeBytes(writer, value)
  else if (value instanceof Float) writeFloat(writer, value.value)
  else if (unwritableReason(value) !== null) throw UNENCODABLE
  else if (value instanceof Date) writeTimestamp(writer, value)
  else if (hasToJson(value)) writeValue(writer, value.toJSON(''), depth - 1)
  else if (value instanceof Map) writeMap(writer, present(value), depth)
  else writeMap(writer, present(Object.entries(value)), depth)
}

function writeArray(writer: MsgpackOutput, items: readonly unknown[], depth: number): void {
  writer.nodes.take(items.length)
  writeLength(writer, items.length, { fixed: 0x90, fixedMax: 15, short: 0xdc })
  for (const item of items) writeValue(writer, item, depth - 1)
}

function writeMap(
  writer: MsgpackOutput,
  entries: readonly (readonly [unknown, unknown])[],
  depth: number,
): void {
  writer.nodes.take(entries.length)
  writeLength(writer, entries.length, { fixed: 0x80, fixedMax: 15, short: 0xde })
  for (const [key, item] of entries) {
    if (MSGPACK_FORMAT.keyReason(key) !== null) throw UNENCODABLE
    writeValue(writer, key, depth)
    writeValue(writer, item, depth - 1)
  }
}

function writeText(writer: ByteWriter, text: string): void {
  const length = Buffer.byteLength(text, 'utf8')
  if (length !== text.length && hasHalfSurrogate(text)) throw UNENCODABLE
  writeLength(writer, length, { fixed: 0xa0, fixedMax: 31, tiny: 0xd9, short: 0xda })
  writer.text(text, length)
}

function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  writeLength(writer, bytes.length, { fixed: 0, fixedMax: -1, tiny: 0xc4, short: 0xc5 })
  writer.bytes(bytes)
}

interface LengthTags {
  readonly fixed: number
  readonly fixedMax: number
  readonly tiny?: number
  /** The tag for 16 bits; the one for 32 bits is the next. */
  readonly short: number
}

function writeLength(writer: ByteWriter, length: number, tags: LengthTags): void {
  if (length <= tags.fixedMax) writer.byte(tags.fixed | length)
  else if (length < 0x100 && tags.tiny !== undefined) {
    writer.byte(tags.tiny)
    writer.byte(length)
  } else if (length < 0x1_0000) {
    writer.byte(tags.short)
    writer.uint16be(length)
  } else {
    writer.byte(tags.short + 1)
    writer.uint32be(length)
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (!isWholeNumber(value)) writeFloat(writer, value)
  else if (value >= 0 && value < 0x80) writer.byte(value)
  else if (value >= 0x100 && value < 0x1_0000) {
    writer.byte(0xcd)
    writer.uint16be(value)
  } else if (value >= 0x1_0000 && value < 0x1_0000_0000) {
    writer.byte(0xce)
    writer.uint32be(value)
  } else writeBigint(writer, BigInt(value))
}

function writeFloat(writer: ByteWriter, value: number): void {
  writer.byte(0xcb)
  writer.doubleBe(value)
}

function writeBigint(writer: ByteWriter, value: bigint): void {
  if (unwritableReason(value) !== null) throw UNENCODABLE
  const [tag, size] = integerForm(value)
  writer.byte(tag)
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value))
  writer.bytes(bytes.subarray(8 - size))
}

function integerForm(value: bigint): readonly [tag: number, size: number] {
  if (value >= -0x20n && value < 0x80n) return [Number(value & 0xffn), 0]
  if (value >= 0n) {
    if (value < 0x100n) return [0xcc, 1]
    if (value < 0x1_0000n) return [0xcd, 2]
    return value < 0x1_0000_0000n ? [0xce, 4] : [0xcf, 8]
  }
  if (value >= -0x80n) return [0xd0, 1]
  if (value >= -0x8000n) return [0xd1, 2]
  return value >= -0x8000_0000n ? [0xd2, 4] : [0xd3, 8]
}

/** The 12-byte timestamp holds any instant; Python reads all three forms. */
function writeTimestamp(writer: ByteWriter, date: Date): void {
  const seconds = Math.floor(date.getTime() / 1000)
  const microseconds =
    date instanceof DateTime ? date.fields.microsecond : date.getTime() * 1000 - seconds * 1e6
  writer.byte(0xc7)
  writer.byte(12)
  writer.byte(0xff)
  writer.uint32be(microseconds * 1000)
  writer.int64be(BigInt(seconds))
}

/** As in JSON, what is undefined is left out. */
function present(entries: Iterable<readonly [unknown, unknown]>): (readonly [unknown, unknown])[] {
  return [...entries].filter(([, item]) => item !== undefined)
}
