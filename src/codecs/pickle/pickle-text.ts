import { isAscii } from 'node:buffer'
import type { ByteReader } from '../byte-reader.ts'
import { MAX_DIGITS } from '../limits.ts'
import { exactInteger } from '../numbers.ts'

/** The rest of the line, as protocol 0 separates its arguments; the line break is passed. */
function readLine(reader: ByteReader): Buffer {
  const end = reader.bytes.indexOf(0x0a, reader.at)
  if (end < 0) throw reader.fail('expected a line break, found the end')
  if (end - reader.at > LONGEST_LINE)
    throw reader.fail(`expected a line of at most ${LONGEST_LINE} bytes`)
  const line = reader.take(end - reader.at)
  reader.take(1)
  return line
}

/** Escapes in it are replaced one by one. Python writes no such lines since protocol 1. */
const LONGEST_LINE = 1024 * 1024

export function readName(reader: ByteReader): string {
  return readLine(reader).toString('utf8')
}

/** A decimal integer on a line; `01` and `00` are how protocol 0 spells True and False. */
export function readInt(reader: ByteReader): unknown {
  const text = readLine(reader).toString('latin1')
  if (text === '01' || text === '00') return text === '01'
  return integer(text, reader)
}

export function readLong(reader: ByteReader): unknown {
  return integer(readLine(reader).toString('latin1').replace(/L$/, ''), reader)
}

export function readMemoKey(reader: ByteReader): number {
  const key = integer(readLine(reader).toString('latin1'), reader)
  if (typeof key !== 'number' || key < 0)
    throw reader.fail('expected the number of something remembered')
  return key
}

export function readFloatLine(reader: ByteReader): number {
  const text = readLine(reader).toString('latin1').trim()
  const special = {
    nan: Number.NaN,
    inf: Number.POSITIVE_INFINITY,
    '-inf': Number.NEGATIVE_INFINITY,
  }[text]
  if (special !== undefined) return special
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) throw reader.fail('expected a float')
  return Number(text)
}

/** Text in the raw-unicode-escape encoding: latin-1 with \uXXXX and \UXXXXXXXX. */
export function readUnicodeLine(reader: ByteReader): string {
  const text = readLine(reader).toString('latin1')
  return text.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, short, long) => {
    const code = Number.parseInt(short ?? long, 16)
    if (code > 0x10_ffff) throw reader.fail('expected a Unicode character')
    return short === undefined ? String.fromCodePoint(code) : String.fromCharCode(code)
  })
}

/** A Python 2 str written as its repr: 'text' with escapes. */
export function readQuotedLine(reader: ByteReader): unknown {
  const text = readLine(reader).toString('latin1').trim()
  const quote = text[0]
  if (text.length < 2 || (quote !== "'" && quote !== '"') || !text.endsWith(quote)) {
    throw reader.fail('expected text in quotes')
  }
  return python2Text(Buffer.from(text.slice(1, -1).replace(ESCAPE, unescaped), 'latin1'))
}

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|([\s\S]))/g
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
  '\n': '',
}

function unescaped(whole: string, hex?: string, octal?: string, letter?: string): string {
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff)
  if (letter === "'" || letter === '"' || letter === '\\') return letter
  return SHORT_ESCAPES[letter ?? ''] ?? whole
}

/** A Python 2 str is text where it is ASCII, and else bytes. */
export function python2Text(bytes: Buffer): string | Buffer {
  return isAscii(bytes) ? bytes.toString('latin1') : Buffer.from(bytes)
}

/** An integer of so many bytes, least byte first, in two's complement. */
export function littleEndian(reader: ByteReader, size: number): number | bigint {
  const bytes = reader.take(size)
  if (size === 0) return 0
  // Written out, as every log and every JSON text would, it takes quadratic time.
  if (size > MAX_INTEGER_BYTES)
    throw reader.fail(`expected an integer of at most ${MAX_DIGITS} digits, found ${size} bytes`)
  const hex = Buffer.from(bytes).reverse().toString('hex')
  return exactInteger(BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`)))
}

const MAX_INTEGER_BYTES = Math.ceil((MAX_DIGITS * Math.log2(10)) / 8)

function integer(text: string, reader: ByteReader): number | bigint {
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw reader.fail('expected an integer')
  if (text.length > MAX_DIGITS)
    throw reader.fail(`expected an integer of at most ${MAX_DIGITS} digits`)
  return exactInteger(BigInt(text.trim().replace(/^\+/, '')))
}
