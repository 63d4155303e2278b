import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readTable, UNREADABLE_HEADERS } from '../../../src/brokers/headers/read-table.ts'
import { encodeTable, writeTable } from '../../../src/brokers/headers/write-table.ts'
import { Decimal, Float, Uuid } from '../../../src/codecs/values.ts'
import { anyCharacter } from '../../support/any-character.ts'

const recorded = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/celery/amqp-property-bytes.json'), 'utf8'),
) as { properties_hex: string; message: { headers: Record<string, unknown> } }

test('the header bytes that py-amqp wrote are read as the values that were sent', () => {
  expect(readTable(recordedTable())).toEqual(recorded.message.headers)
})

test('we write the same header bytes as py-amqp, its 64-bit tag aside', () => {
  // A whole number beyond 32 bits is "l" here and "L" there; both are signed, and py-amqp reads both.
  const theirs = recordedTable()
  const tag = theirs.indexOf('h_bigL') + 'h_big'.length
  theirs.write('l', tag)
  expect(encodeTable(recorded.message.headers).subarray(4).toString('hex')).toBe(
    theirs.toString('hex'),
  )
})

test.each([
  [0, 'I'],
  [-1, 'I'],
  [200, 'I'],
  [-129, 'I'],
  [32_767, 'I'],
  [2 ** 31 - 1, 'I'],
  [-(2 ** 31), 'I'],
  [2 ** 31, 'l'],
  [-(2 ** 31) - 1, 'l'],
  [Number.MAX_SAFE_INTEGER, 'l'],
  [5n, 'l'],
  [2n ** 63n - 1n, 'l'],
  [-(2n ** 63n), 'l'],
  [1e300, 'd'],
  [0.5, 'd'],
  [new Float(1), 'd'],
  [null, 'V'],
  [true, 't'],
  ['text', 'S'],
  [[], 'A'],
  [{}, 'F'],
  [Buffer.from('x'), 'x'],
  [new Date(0), 'T'],
  [new Decimal('1.50'), 'D'],
])('%s is written with the tag %s', (value, tag) => {
  expect(encodeTable({ n: value }).toString('latin1', 6, 7)).toBe(tag)
})

test('whole numbers are written alike inside lists and tables', () => {
  const bytes = encodeTable({ x: [1, [300]], y: { z: 2 ** 40 } })
  expect(bytes.toString('latin1')).not.toMatch(/[bs]/)
  expect(readTable(bytes.subarray(4))).toEqual({ x: [1, [300]], y: { z: 2 ** 40 } })
})

test('undefined is left out of a table and is null in a list; a UUID is its text', () => {
  const uuid = new Uuid('a0000000-0000-4000-8000-000000000001')
  const bytes = encodeTable({ gone: undefined, list: [undefined, 1], uuid })
  expect(readTable(bytes.subarray(4))).toEqual({ list: [null, 1], uuid: uuid.text })
})

test.each([
  [{ a: { b: 2n ** 63n } }, /the header "a\.b" holds 9223372036854775808/],
  [{ a: { b: [-(2n ** 63n) - 1n] } }, /the header "a\.b" holds -9223372036854775809/],
  [{ rate: [Number.NaN] }, /the header "rate" holds NaN, expected a finite number/],
  [{ rate: new Float(Number.NEGATIVE_INFINITY) }, /holds -Infinity/],
  [{ call: () => 1 }, /the header "call" holds a function/],
  [{ sign: Symbol('s') }, /the header "sign" holds a symbol/],
  [{ ['k'.repeat(256)]: 1 }, /has a name longer than 255 bytes/],
  [{ ['é'.repeat(130)]: 1 }, /has a name longer than 255 bytes/],
  [{ price: new Decimal('1e40') }, /the header "price" holds the decimal 1e40/],
  [{ text: 'x'.repeat(70_000) }, /larger than the 65536 bytes/],
  [{ text: 'é'.repeat(40_000) }, /larger than the 65536 bytes/],
  [{ bytes: Buffer.alloc(70_000) }, /larger than the 65536 bytes/],
])('what no header can hold is refused by name: %o', (headers, message) => {
  expect(() => encodeTable(headers)).toThrow(message)
})

test('text is written whole where it ends exactly at the end of the buffer', () => {
  const buffer = Buffer.alloc(4 + 2 + 5 + 60)
  const text = 'é'.repeat(30)
  expect(writeTable(buffer, { k: text }, 0)).toBe(buffer.length)
  expect(readTable(buffer.subarray(4))).toEqual({ k: text })
})

test.each([
  ['b', 'ff', -1],
  ['B', 'ff', 255],
  ['s', 'fffe', -2],
  ['u', 'fffe', 65_534],
  ['i', 'fffffffe', 4_294_967_294],
  ['I', 'fffffffe', -2],
  ['l', '0020000000000001', 2n ** 53n + 1n],
  ['L', 'ffffffffffffffff', -1],
  ['L', '0000019999999999', 0x19999999999],
  ['f', '3f000000', 0.5],
  ['d', '3fe0000000000000', 0.5],
  ['t', '02', true],
  ['T', '000000006a11f0a0', new Date(0x6a11f0a0 * 1000)],
  ['D', '02fffffb32', new Decimal('-12.30')],
  ['D', '0300000007', new Decimal('0.007')],
  ['D', '000000000c', new Decimal('12')],
  ['x', '0000000200ff', Buffer.from([0, 255])],
])('a value of type %s is read: %s', (tag, hex, value) => {
  const bytes = Buffer.concat([Buffer.from(`\x01k${tag}`, 'latin1'), Buffer.from(hex, 'hex')])
  expect(readTable(bytes)).toEqual({ k: value })
})

test('an unknown type costs the rest of the headers, which is reported, and nothing more', () => {
  const bytes = Buffer.concat([
    encodeTable({ task: 'export.add' }).subarray(4),
    Buffer.from('\x03badZ....', 'latin1'),
  ])
  expect(readTable(bytes)).toEqual({
    task: 'export.add',
    [UNREADABLE_HEADERS]: expect.stringMatching(/0x5a, which is not a type/),
  })
})

test.each([
  ['a text that is longer than the table', '\x01kS\x00\x00\xff\xff..'],
  ['a number cut short', '\x01kl\x00\x00'],
  ['a name cut short', '\x09k'],
  ['a table within that is longer than its frame', '\x01kF\x00\x00\x00\x09'],
  ['a table within that is shorter than its fields', '\x01kF\x00\x00\x00\x01\x01aV'],
  ['bytes that are longer than the table', '\x01kx\x7f\xff\xff\xff'],
])('broken headers are told and do not throw: %s', (_, text) => {
  expect(readTable(Buffer.from(text, 'latin1'))).toHaveProperty(UNREADABLE_HEADERS)
})

test('headers nested too deep are reported and do not throw', () => {
  let table: Record<string, unknown> = {}
  for (let depth = 0; depth < 500; depth += 1) table = { n: table }
  expect(readTable(encodeTable(table).subarray(4))).toHaveProperty(
    UNREADABLE_HEADERS,
    expect.stringMatching(/deeper than 100/),
  )
})

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.integer(),
    fc.maxSafeInteger(),
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .filter((n) => !Object.is(n, -0) && !Number.isSafeInteger(n)),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.string({ unit: anyCharacter }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('any'), { maxLength: 5 }),
    fc.dictionary(fc.string({ maxLength: 20 }), tie('any'), { maxKeys: 5 }),
  ),
}))

test('whatever headers are written are read back the same', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ maxLength: 60 }), value.any), (headers) => {
      expect(readTable(encodeTable(headers).subarray(4))).toEqual({ ...headers })
    }),
    { numRuns: 500 },
  )
})

test('names and short texts are read by their bytes, whatever was read before', () => {
  // Few letters and lengths, so that many fall upon each other.
  const short = fc.string({
    unit: fc.constantFrom('a', 'b', 'é', '\ufffd', '\u0000'),
    maxLength: 3,
  })
  fc.assert(
    fc.property(fc.array(fc.tuple(short, short), { maxLength: 50 }), (fields) => {
      for (const [name, text] of fields) {
        expect(readTable(encodeTable({ [name]: text }).subarray(4))).toEqual({ [name]: text })
      }
    }),
    { numRuns: 500 },
  )
})

test('bytes that are no UTF-8 stay bytes beside a text of as many replacement characters', () => {
  const read = (...bytes: number[]): unknown =>
    readTable(Buffer.from([1, 0x68, 0x53, 0, 0, 0, bytes.length, ...bytes])).h
  expect(read(0xff)).toEqual(Buffer.from([0xff]))
  expect(read(0xff)).toEqual(Buffer.from([0xff]))
  expect(read(0xfe)).toEqual(Buffer.from([0xfe]))
  expect(read(0xef, 0xbf, 0xbd)).toBe('\ufffd')
})

test('no bytes at all make the reader throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(() => readTable(Buffer.from(bytes))).not.toThrow()
    }),
    { numRuns: 2000 },
  )
})

test('headers damaged anywhere do not make the reader throw', () => {
  const table = recordedTable()
  fc.assert(
    fc.property(fc.nat(table.length - 1), fc.nat(255), (at, byte) => {
      const damaged = Buffer.from(table)
      damaged[at] = byte
      expect(() => readTable(damaged)).not.toThrow()
    }),
    { numRuns: 2000 },
  )
})

/** The header table within the recorded bytes: after two flag bytes and two short texts comes its length. */
function recordedTable(): Buffer {
  const bytes = Buffer.from(recorded.properties_hex, 'hex')
  const start = 2 + 1 + 'application/json'.length + 1 + 'utf-8'.length
  return Buffer.from(bytes.subarray(start + 4, start + 4 + bytes.readUInt32BE(start)))
}

test('text that is not UTF-8 stays bytes, as py-amqp reads it, and is written as bytes again', () => {
  const bytes = Buffer.from([0x00, 0xff])
  // py-amqp sends bytes under the type of text.
  const theirs = Buffer.concat([Buffer.from('\x01hS\0\0\0\x02', 'latin1'), bytes])
  expect(readTable(theirs)).toEqual({ h: bytes })
  expect(readTable(encodeTable({ h: bytes }).subarray(4))).toEqual({ h: bytes })
})

test('a replacement character that was sent as such is text', () => {
  expect(readTable(encodeTable({ h: 'a\ufffd' }).subarray(4))).toEqual({ h: 'a\ufffd' })
})
