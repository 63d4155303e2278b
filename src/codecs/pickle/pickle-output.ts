import { ByteWriter } from '../byte-writer.ts'
import { EncodeNodes } from '../encode-nodes.ts'
import { encodeWithSurrogates, hasHalfSurrogate } from '../surrogates.ts'

/** The operations we write, of protocol 4. */
export const Op = {
  PROTO: 0x80,
  STOP: 0x2e,
  NONE: 0x4e,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  BININT: 0x4a,
  BININT1: 0x4b,
  BININT2: 0x4d,
  LONG1: 0x8a,
  LONG4: 0x8b,
  BINFLOAT: 0x47,
  BINUNICODE: 0x58,
  SHORT_BINUNICODE: 0x8c,
  BINBYTES: 0x42,
  SHORT_BINBYTES: 0x43,
  MARK: 0x28,
  EMPTY_LIST: 0x5d,
  APPENDS: 0x65,
  EMPTY_DICT: 0x7d,
  SETITEMS: 0x75,
  EMPTY_SET: 0x8f,
  ADDITEMS: 0x90,
  EMPTY_TUPLE: 0x29,
  TUPLE1: 0x85,
  TUPLE: 0x74,
  STACK_GLOBAL: 0x93,
  REDUCE: 0x52,
} as const

/** Writes the operations that push one plain value. */
export class PickleOutput {
  readonly nodes: EncodeNodes
  readonly #bytes = new ByteWriter()

  constructor(root?: unknown, maxNodes?: number) {
    this.nodes = new EncodeNodes(root, maxNodes)
  }

  op(code: number): void {
    this.#bytes.byte(code)
  }

  start(): void {
    this.op(Op.PROTO)
    this.op(4)
  }

  finish(): Buffer {
    this.op(Op.STOP)
    return this.#bytes.finish()
  }

  text(text: string): void {
    const length = Buffer.byteLength(text, 'utf8')
    if (length !== text.length && hasHalfSurrogate(text)) {
      this.#encodedText(encodeWithSurrogates(text))
      return
    }
    this.#length(length, Op.SHORT_BINUNICODE, Op.BINUNICODE)
    this.#bytes.text(text, length)
  }

  #encodedText(bytes: Buffer): void {
    this.#length(bytes.length, Op.SHORT_BINUNICODE, Op.BINUNICODE)
    this.#bytes.bytes(bytes)
  }

  binary(bytes: Uint8Array): void {
    this.#length(bytes.length, Op.SHORT_BINBYTES, Op.BINBYTES)
    this.#bytes.bytes(bytes)
  }

  float(value: number): void {
    this.op(Op.BINFLOAT)
    this.#bytes.doubleBe(value)
  }

  int(value: number): void {
    if (value !== (value | 0)) this.long(BigInt(value))
    else if (value >= 0 && value < 0x100) {
      this.op(Op.BININT1)
      this.#bytes.byte(value)
    } else if (value >= 0 && value < 0x1_0000) {
      this.op(Op.BININT2)
      this.#bytes.uint16le(value)
    } else {
      this.op(Op.BININT)
      this.#bytes.int32le(value)
    }
  }

  /** Any integer, least byte first, in two's complement. */
  long(value: bigint): void {
    const size = Math.ceil(((value < 0n ? -value : value).toString(16).length + 1) / 2)
    const hex = BigInt.asUintN(size * 8, value)
      .toString(16)
      .padStart(size * 2, '0')
    this.#length(size, Op.LONG1, Op.LONG4)
    this.#bytes.bytes(Buffer.from(hex, 'hex').reverse())
  }

  #length(length: number, short: number, long: number): void {
    this.op(length < 0x100 ? short : long)
    if (length < 0x100) this.#bytes.byte(length)
    else this.#bytes.uint32le(length)
  }
}
