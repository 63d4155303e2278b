import { showValue } from '../../protocol/show-value.ts'

/** The arrays that hold numbers. */
export type TypedArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array

type ArrayType = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArray

/** A numpy dtype: how wide an element is, and which array holds its elements. */
export interface Dtype {
  /** numpy's name of it, without byte order: "uint16". */
  readonly name: string
  readonly arrayType: ArrayType
  /** Elements of the array that make one of the dtype: a complex number is two. */
  readonly width: number
  /** The bytes that stand together, in one byte order. */
  readonly wordBytes: number
  readonly order: 'little' | 'big'
}

type Row = readonly [name: string, code: string, arrayType: ArrayType, width?: number]

const ROWS: readonly Row[] = [
  ['uint8', 'u1', Uint8Array],
  ['int8', 'i1', Int8Array],
  ['bool', 'b1', Uint8Array],
  ['uint16', 'u2', Uint16Array],
  ['int16', 'i2', Int16Array],
  ['float16', 'f2', Uint16Array],
  ['uint32', 'u4', Uint32Array],
  ['int32', 'i4', Int32Array],
  ['uint64', 'u8', BigUint64Array],
  ['int64', 'i8', BigInt64Array],
  ['float32', 'f4', Float32Array],
  ['float64', 'f8', Float64Array],
  ['complex64', 'c8', Float32Array, 2],
  ['complex128', 'c16', Float64Array, 2],
]

const BY_NAME = new Map(ROWS.flatMap((row) => [[row[0], row] as const, [row[1], row] as const]))

/** Of a name ("uint16") or a code with its byte order ("<u2", ">f4", "|u1"); a name alone is little endian. */
export function dtypeOf(text: unknown): Dtype {
  const [, mark = '', name = ''] = (typeof text === 'string' && /^([<>|=]?)(\w+)$/.exec(text)) || []
  const row = BY_NAME.get(name)
  if (row === undefined) {
    throw new TypeError(
      `the dtype is ${showValue(text)}, expected one of ${ROWS.map(([known]) => known).join(', ')}`,
    )
  }
  const [known, , arrayType, width = 1] = row
  const wordBytes = (arrayType as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT
  return { name: known, arrayType, width, wordBytes, order: mark === '>' ? 'big' : 'little' }
}

/** The dtype of an array, by its class. */
export function dtypeNameOf(array: ArrayBufferView): string {
  const row = ROWS.find(([name, , arrayType]) => array.constructor === arrayType && name !== 'bool')
  if (row !== undefined) return row[0]
  if (array instanceof Uint8Array) return 'uint8'
  throw new TypeError(`a ${array.constructor.name} has no dtype, expected an array of numbers`)
}
