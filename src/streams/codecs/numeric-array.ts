import { endianness } from 'node:os'
import { showValue } from '../../protocol/show-value.ts'
import { type Dtype, dtypeNameOf, dtypeOf, type TypedArray } from './dtype.ts'

interface ArrayParts {
  readonly data: TypedArray
  readonly dtype?: string
  readonly shape?: readonly number[]
}

const MOST_DIMENSIONS = 32

/**
 * Numbers with a shape, in C order: numpy's array. `data` is in this machine's byte order, even if `dtype` has another for
 * the wire (">u2" is big endian).
 */
export class NumericArray {
  readonly data: TypedArray
  readonly dtype: string
  readonly shape: readonly number[]

  constructor(parts: ArrayParts)
  constructor(data: TypedArray, shape?: readonly number[], dtype?: string)
  constructor(given: ArrayParts | TypedArray, givenShape?: readonly number[], givenDtype?: string) {
    const parts = ArrayBuffer.isView(given)
      ? { data: given, shape: givenShape, dtype: givenDtype }
      : given
    this.data = parts.data
    this.dtype = parts.dtype ?? dtypeNameOf(parts.data)
    const kind = dtypeOf(this.dtype)
    this.shape = parts.shape ?? [parts.data.length / kind.width]
    checkShape(this.shape, parts.data.byteLength, kind)
    if (kind.wordBytes !== parts.data.BYTES_PER_ELEMENT) {
      throw new TypeError(`a ${parts.data.constructor.name} cannot hold the dtype ${this.dtype}`)
    }
  }

  /** Of bytes as they came: without copying them where they are aligned and in this machine's order. */
  static fromBytes(bytes: Uint8Array, dtype: string, shape: readonly number[]): NumericArray {
    const kind = dtypeOf(dtype)
    checkShape(shape, bytes.byteLength, kind)
    return new NumericArray({ data: arrayOf(bytes, kind), dtype, shape })
  }

  /** The bytes for the wire, in the order that `dtype` says. */
  bytes(): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.data
    const bytes = new Uint8Array(buffer, byteOffset, byteLength)
    const kind = dtypeOf(this.dtype)
    return isNative(kind) ? bytes : swapped(bytes, kind.wordBytes)
  }
}

/** A map `{ data: bytes, dtype, shape }` as the array it stands for; anything else as it is. Throws where it lies. */
export function asNumericArray(value: object): object {
  if (!('dtype' in value && 'shape' in value && 'data' in value)) return value
  const { dtype, shape, data, ...rest } = value as Record<string, unknown>
  if (!(data instanceof Uint8Array) || Object.keys(rest).length > 0) return value
  if (typeof dtype !== 'string')
    throw new TypeError(`the dtype is ${showValue(dtype)}, expected a text`)
  return NumericArray.fromBytes(data, dtype, shape as readonly number[])
}

function arrayOf(bytes: Uint8Array, kind: Dtype): TypedArray {
  const { wordBytes } = kind
  const held = isNative(kind) ? aligned(bytes, wordBytes) : swapped(bytes, wordBytes)
  return new kind.arrayType(held.buffer, held.byteOffset, held.byteLength / wordBytes)
}

function aligned(bytes: Uint8Array, wordBytes: number): Uint8Array {
  return bytes.byteOffset % wordBytes === 0 ? bytes : new Uint8Array(bytes)
}

function isNative({ order, wordBytes }: Dtype): boolean {
  return wordBytes === 1 || (order === 'little') === (endianness() === 'LE')
}

function swapped(bytes: Uint8Array, wordBytes: number): Uint8Array {
  const copy = Buffer.from(new Uint8Array(bytes).buffer) // of its own, so that it is aligned
  if (wordBytes === 2) return copy.swap16()
  return wordBytes === 4 ? copy.swap32() : copy.swap64()
}

function checkShape(shape: unknown, byteLength: number, kind: Dtype): void {
  const isShape =
    Array.isArray(shape) &&
    shape.length <= MOST_DIMENSIONS &&
    shape.every((length) => Number.isSafeInteger(length) && length >= 0)
  if (!isShape) {
    throw new TypeError(
      `the shape is ${showValue(shape)}, expected at most ${MOST_DIMENSIONS} whole numbers from 0`,
    )
  }
  const expected = (shape as number[]).reduce((size, length) => size * length, 1)
  const bytes = expected * kind.width * kind.wordBytes
  if (bytes !== byteLength) {
    throw new TypeError(
      `an array of ${kind.name} with the shape [${shape}] has ${bytes} bytes, found ${byteLength}`,
    )
  }
}
