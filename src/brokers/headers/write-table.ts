import { Decimal, Float } from '../../codecs/values.ts'

const MIN_INT32 = -0x80000000
const MAX_INT32 = 0x7fffffff
const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n

/** As large as amqplib's own: what fits the memory broker fits the wire. */
const scratch = Buffer.alloc(65_536)

/** Headers as an AMQP field table, its length first. Throws a TypeError that names the header it cannot write. */
export function encodeTable(table: object): Buffer {
  return Buffer.from(scratch.subarray(0, writeTable(scratch, table, 0)))
}

/**
 * Writes a field table and says how many bytes it took.
 * Whole numbers are 32 bit, or 64 where they must be: py-amqp before 5.4 cannot read 16-bit ones.
 */
export function writeTable(buffer: Buffer, table: object, start: number): number {
  let at = reserve(buffer, start, 4)
  const values = table as Record<string, unknown>
  // Inherited keys too: amqplib hands over its client properties, and headers, as objects that inherit.
  for (const key in values) {
    const value = values[key]
    if (value === undefined) continue
    try {
      at = writeValue(buffer, value, writeKey(buffer, key, at))
    } catch (cause) {
      if (cause instanceof HeaderProblem) throw cause.under(key)
      throw cause
    }
  }
  buffer.writeUInt32BE(at - start - 4, start)
  return at - start
}

/** Why a value cannot be written, and where it was found. */
class HeaderProblem extends TypeError {
  readonly #path: string
  readonly #reason: string

  constructor(reason: string, path = '') {
    super(path === '' ? reason : `the header "${path}" ${reason}`)
    this.#reason = reason
    this.#path = path
  }

  under(key: string): HeaderProblem {
    return new HeaderProblem(this.#reason, this.#path === '' ? key : `${key}.${this.#path}`)
  }
}

function writeKey(buffer: Buffer, key: string, at: number): number {
  const length = key.length < 64 ? writeText(buffer, key, at + 1) : Buffer.byteLength(key)
  if (length > 255) throw new HeaderProblem('has a name longer than 255 bytes')
  if (key.length >= 64) writeText(buffer, key, at + 1)
  buffer[at] = length
  return at + 1 + length
}

function writeValue(buffer: Buffer, value: unknown, at: number): number {
  switch (typeof value) {
    case 'string': {
      const length = writeText(buffer, value, at + 5)
      buffer.writeUInt32BE(length, tag(buffer, 'S', at))
      return at + 5 + length
    }
    case 'number':
      return writeNumber(buffer, value, at)
    case 'boolean':
      reserve(buffer, at, 2)
      return buffer.writeUInt8(value ? 1 : 0, tag(buffer, 't', at))
    case 'bigint':
      return writeBigInt(buffer, value, at)
    case 'object':
      return writeObject(buffer, value, at)
    default:
      throw new HeaderProblem(`holds a ${typeof value}, which has no form in a message header`)
  }
}

function writeNumber(buffer: Buffer, value: number, at: number): number {
  reserve(buffer, at, 9)
  if (!Number.isSafeInteger(value)) return writeDouble(buffer, value, at)
  if (value >= MIN_INT32 && value <= MAX_INT32) {
    return buffer.writeInt32BE(value, tag(buffer, 'I', at))
  }
  return buffer.writeBigInt64BE(BigInt(value), tag(buffer, 'l', at))
}

/** RabbitMQ closes the connection over a double that is no number. */
function writeDouble(buffer: Buffer, value: number, at: number): number {
  if (!Number.isFinite(value)) throw new HeaderProblem(`holds ${value}, expected a finite number`)
  return buffer.writeDoubleBE(value, tag(buffer, 'd', at))
}

function writeBigInt(buffer: Buffer, value: bigint, at: number): number {
  if (value < MIN_INT64 || value > MAX_INT64) {
    throw new HeaderProblem(`holds ${value}, but headers carry whole numbers of at most 64 bits`)
  }
  reserve(buffer, at, 9)
  return buffer.writeBigInt64BE(value, tag(buffer, 'l', at))
}

function writeObject(buffer: Buffer, value: object | null, at: number): number {
  reserve(buffer, at, 9)
  if (value === null) return tag(buffer, 'V', at)
  if (Array.isArray(value)) return writeArray(buffer, value, at)
  if (value instanceof Uint8Array) return writeBytes(buffer, value, at)
  if (value instanceof Date) {
    const seconds = Math.floor(value.getTime() / 1000)
    return buffer.writeBigInt64BE(BigInt(seconds), tag(buffer, 'T', at))
  }
  if (value instanceof Float) return writeDouble(buffer, value.value, at)
  if (value instanceof Decimal) return writeDecimal(buffer, value, at)
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return writeValue(buffer, value.toJSON(), at)
  }
  return at + 1 + writeTable(buffer, value, tag(buffer, 'F', at))
}

function writeArray(buffer: Buffer, values: readonly unknown[], at: number): number {
  let end = tag(buffer, 'A', at) + 4
  for (const value of values) end = writeValue(buffer, value ?? null, end)
  buffer.writeUInt32BE(end - at - 5, at + 1)
  return end
}

function writeBytes(buffer: Buffer, bytes: Uint8Array, at: number): number {
  reserve(buffer, at, 5 + bytes.length)
  buffer.set(bytes, buffer.writeUInt32BE(bytes.length, tag(buffer, 'x', at)))
  return at + 5 + bytes.length
}

function writeDecimal(buffer: Buffer, { text }: Decimal, at: number): number {
  const [, whole = '', fraction = ''] = /^([+-]?\d+)(?:\.(\d+))?$/.exec(text) ?? []
  const unscaled = Number(whole + fraction)
  if (whole === '' || unscaled < MIN_INT32 || unscaled > MAX_INT32) {
    throw new HeaderProblem(`holds the decimal ${text}, but headers carry 32-bit decimals only`)
  }
  const scaleAt = tag(buffer, 'D', at)
  buffer[scaleAt] = fraction.length
  return buffer.writeInt32BE(unscaled, scaleAt + 1)
}

function tag(buffer: Buffer, letter: string, at: number): number {
  buffer[at] = letter.charCodeAt(0)
  return at + 1
}

/** Most headers are short ASCII, which is quicker written by hand than through Buffer.write. */
function writeText(buffer: Buffer, text: string, at: number): number {
  reserve(buffer, at, text.length)
  if (text.length > 48) return writeLongText(buffer, text, at)
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code > 127) return writeLongText(buffer, text, at)
    buffer[at + index] = code
  }
  return text.length
}

function writeLongText(buffer: Buffer, text: string, at: number): number {
  // Three bytes are the most a UTF-16 unit takes; only a text that may not fit is measured first.
  if (at + text.length * 3 > buffer.length) reserve(buffer, at, Buffer.byteLength(text))
  return buffer.write(text, at)
}

function reserve(buffer: Buffer, at: number, size: number): number {
  if (at + size > buffer.length) {
    throw new TypeError(`the headers are larger than the ${buffer.length} bytes a message may have`)
  }
  return at + size
}
