import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeMsgpack, encodeMsgpack } from '../../src/codecs/msgpack/msgpack.ts'
import { DateTime, Decimal, Float, Tuple } from '../../src/codecs/values.ts'
import { ProtocolError } from '../../src/errors.ts'
import { recordedMessage } from './vectors.ts'

const EMBED = { callbacks: null, errbacks: null, chain: null, chord: null }

test('what Celery sent is read, and written byte for byte', () => {
  const { body } = recordedMessage('body-msgpack')
  const value = [[1, 'é', Buffer.from([0, 255])], { k: [1, 2] }, EMBED]
  expect(decodeMsgpack(body)).toStrictEqual(value)
  expect(encodeMsgpack(value)).toEqual(body)
})

// The bytes are those of msgpack.packb(value, use_bin_type=True).
test.each([
  [127, '7f'],
  [128, 'cc80'],
  [256, 'cd0100'],
  [65_536, 'ce00010000'],
  [2 ** 32, 'cf0000000100000000'],
  [2n ** 64n - 1n, 'cfffffffffffffffff'],
  [-1, 'ff'],
  [-32, 'e0'],
  [-33, 'd0df'],
  [-129, 'd1ff7f'],
  [-32_769, 'd2ffff7fff'],
  [-(2 ** 31) - 1, 'd3ffffffff7fffffff'],
  [-(2n ** 63n), 'd38000000000000000'],
  [1.5, 'cb3ff8000000000000'],
  [null, 'c0'],
  [true, 'c3'],
  ['a', 'a161'],
  [Buffer.from('a'), 'c40161'],
  [{ a: 1 }, '81a16101'],
])('%o is %s', (value, hex) => {
  expect(encodeMsgpack(value).toString('hex')).toBe(hex)
  expect(decodeMsgpack(Buffer.from(hex, 'hex'))).toStrictEqual(value)
})

test('a Float stays a float, a Tuple is an array, undefined is left out', () => {
  expect(encodeMsgpack(new Float(1)).toString('hex')).toBe('cb3ff0000000000000')
  expect(decodeMsgpack(encodeMsgpack([Tuple.of(1), { a: undefined }, undefined]))).toStrictEqual([
    [1],
    {},
    null,
  ])
  expect(encodeMsgpack(5n).toString('hex')).toBe('05')
})

test.each([
  ['four bytes', 'd6ff5e0d5c85', '2020-01-02T02:59:17+00:00'],
  ['eight bytes', 'd7ff000017705e0d5c85', '2020-01-02T02:59:17.000001+00:00'],
  ['twelve bytes', 'c70cff000003e8ffffffffffffffff', '1969-12-31T23:59:59.000001+00:00'],
])('a timestamp of %s is a DateTime', (_, hex, text) => {
  expect(String(decodeMsgpack(Buffer.from(hex, 'hex')))).toBe(text)
})

test('dates are timestamps with their microseconds', () => {
  const date = new DateTime('2020-01-02T03:04:05.678901+02:00')
  expect(String(decodeMsgpack(encodeMsgpack(date)))).toBe('2020-01-02T01:04:05.678901+00:00')
  expect(String(decodeMsgpack(encodeMsgpack(new Date(-1))))).toBe(
    '1969-12-31T23:59:59.999000+00:00',
  )
})

test('keys that are no text make a Map, and __proto__ is a key like any other', () => {
  expect(decodeMsgpack(Buffer.from('820102a16103', 'hex'))).toStrictEqual(
    new Map<unknown, unknown>([
      [1, 2],
      ['a', 3],
    ]),
  )
  const value = decodeMsgpack(encodeMsgpack(JSON.parse('{"__proto__": {"x": 1}}'))) as object
  expect(Object.keys(value)).toEqual(['__proto__'])
})

describe('what is refused', () => {
  test.each([
    ['nothing', '', 'msgpack at byte 0: expected one more byte, found the end'],
    ['an array cut short', '9201', 'msgpack at byte 1: expected 2 values, found 1 bytes'],
    ['more after the end', '0101', 'msgpack at byte 1: expected the end, found 1 more bytes'],
    ['an array length that lies', 'ddffffffff', 'expected 4294967295 values, found 0 bytes'],
    ['a map length that lies', 'df0fffffff01', 'expected 268435455 values, found 1 bytes'],
    ['a text length that lies', 'dbffffffff', 'expected 4294967295 bytes, found 0'],
    ['the unused tag', 'c1', 'found the unused tag 0xc1'],
    ['bad UTF-8', 'a1ff', 'expected text in UTF-8'],
    ['a foreign extension', 'd40500', 'expected a timestamp, found the extension type 5'],
    ['a timestamp of one byte', 'd4ff00', 'expected a timestamp of 4, 8 or 12 bytes, found 1'],
    ['a million arrays', '91'.repeat(1_000_000), 'expected at most 500 levels of nesting'],
  ])('%s', (_, hex, message) => {
    expect(() => decodeMsgpack(Buffer.from(hex, 'hex'))).toThrow(message)
    expect(() => decodeMsgpack(Buffer.from(hex, 'hex'))).toThrow(ProtocolError)
  })

  test.each([
    [
      'an integer of 65 bits',
      [2n ** 64n],
      'value[0] as msgpack: the integer 18446744073709551616 has more than 64 bits',
    ],
    ['a Set', { s: new Set() }, 'value.s as msgpack: msgpack has no form for a Set'],
    ['a Decimal', [new Decimal('1')], 'value[0] as msgpack: msgpack has no form for a Decimal'],
    ['a function', [() => 1], 'value[0] as msgpack: it is a function'],
    [
      'a key that is null',
      new Map([[null, 1]]),
      'value (a key) as msgpack: it is neither text nor number',
    ],
  ])('%s', (_, value, message) => {
    expect(() => encodeMsgpack(value)).toThrow(message)
  })

  test('any bytes at all give a value or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          decodeMsgpack(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

test('any value is the same after writing and reading', () => {
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.oneof(
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.maxSafeInteger(),
        fc.double({ noNaN: true }),
        fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      ),
      fc.array(tie('value')),
      fc.dictionary(fc.string(), tie('value')),
    ),
  })).value
  fc.assert(
    fc.property(value, (each) => {
      expect(decodeMsgpack(encodeMsgpack(each))).toEqual(each)
    }),
  )
})
