import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeJson, encodeJson } from '../../src/codecs/json/json.ts'
import {
  DateTime,
  Decimal,
  Float,
  LocalDate,
  LocalTime,
  PythonObject,
  TimeDelta,
  Tuple,
  Uuid,
} from '../../src/codecs/values.ts'
import { ProtocolError } from '../../src/errors.ts'
import { jsonValue } from './any-value.ts'
import { recordedMessage, recordedMessages } from './vectors.ts'

const plainJson = recordedMessages().filter(
  ([, { properties, headers }]) =>
    properties.content_type === 'application/json' && !headers.compression,
)

describe('what Celery sent', () => {
  test('there is plenty of it', () => {
    expect(plainJson.length).toBeGreaterThan(200)
  })

  test.each(plainJson)('%s is read and written again byte for byte', (_, { body }) => {
    const text = body.toString('utf8')
    expect(encodeJson(decodeJson(text, { keepFloats: true }))).toBe(text)
  })

  test('typed values come as their classes', () => {
    const [, kwargs] = decodeJson(recordedMessage('json-extended-types').body.toString()) as [
      unknown[],
      Record<string, unknown>,
    ]
    expect(kwargs).toStrictEqual({
      dt_aware: new DateTime('2020-01-02T03:04:05.678900+00:00'),
      dt_naive: new DateTime('2020-01-02T03:04:05'),
      date: new LocalDate('2020-01-02'),
      time: new LocalTime('03:04:05.000006'),
      decimal: new Decimal('12.3400'),
      uuid: new Uuid('12345678123456781234567812345678'),
      bytes_utf8: Buffer.from('plain'),
      bytes_raw: Buffer.from([0, 255, 254]),
      tuple: [1, 2],
    })
    expect((kwargs.dt_aware as DateTime).text).toBe('2020-01-02T03:04:05.678900+00:00')
    expect((kwargs.dt_naive as DateTime).isNaive).toBe(true)
  })

  test('kombu before 5.3 sends dates as text, and text they stay', () => {
    const [, kwargs] = decodeJson(recordedMessage('compat52-json-types').body.toString()) as [
      unknown[],
      Record<string, unknown>,
    ]
    expect(kwargs.dt_aware).toBe('2020-01-02T03:04:05.678900Z')
  })
})

describe('writing', () => {
  test.each([
    ['a small float', 1e-7, '1e-07'],
    ['a large float', 1e16, '1e+16'],
    ['a float with many digits', 123456789012345680000, '1.2345678901234568e+20'],
    ['a whole number', 1e15, '1000000000000000'],
    ['a whole number beyond 2^53, which has lost digits', 2 ** 53, '9007199254740992.0'],
    ['minus zero', -0, '-0.0'],
    ['not a number', Number.NaN, 'NaN'],
    ['minus infinity', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['a bigint', 2n ** 70n, '1180591620717411303424'],
    ['a Float', new Float(1), '1.0'],
    ['text beyond ASCII', 'é ✓ 😀', '"\\u00e9 \\u2713 \\ud83d\\ude00"'],
    ['control characters', '\b\f\n\r\t\u0000\u007f', '"\\b\\f\\n\\r\\t\\u0000\\u007f"'],
    ['half a surrogate pair', '\ud83d', '"\\ud83d"'],
    ['undefined in a list', [undefined], '[null]'],
    ['undefined in an object', { a: undefined, b: 1 }, '{"b": 1}'],
    ['nothing', [{}, []], '[{}, []]'],
    ['an object that says what it is', { toJSON: () => [1] }, '[1]'],
    ['boxed values', [new Number(1), new String('a'), new Boolean(true)], '[1, "a", true]'],
    ['a URL', new URL('http://a/b'), '"http://a/b"'],
    [
      'a class instance',
      new (class Point {
        x = 1
      })(),
      '{"x": 1}',
    ],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 }), '{"a": 1}'],
    ['a Tuple', Tuple.of<unknown>(1, 'a'), '[1, "a"]'],
    [
      'keys of a Map',
      new Map<unknown, unknown>([
        [1, 2],
        [null, 3],
        [true, 4],
        [1.5, 5],
        [2n ** 64n, 6],
        [new Float(2), 7],
      ]),
      '{"1": 2, "null": 3, "true": 4, "1.5": 5, "18446744073709551616": 6, "2.0": 7}',
    ],
    [
      'a Date',
      new Date(1577934245678),
      '{"__type__": "datetime", "__value__": "2020-01-02T03:04:05.678000+00:00"}',
    ],
    [
      'a Date on the second',
      new Date(0),
      '{"__type__": "datetime", "__value__": "1970-01-01T00:00:00+00:00"}',
    ],
    [
      'a DateTime as Python spells it',
      new DateTime('2020-01-02T03:04:05.5Z'),
      '{"__type__": "datetime", "__value__": "2020-01-02T03:04:05.500000+00:00"}',
    ],
    [
      'part of a Buffer',
      Buffer.from('abc').subarray(1, 2),
      '{"__type__": "bytes", "__value__": "b"}',
    ],
    ['bytes that are no text', Uint8Array.of(0xff), '{"__type__": "base64", "__value__": "/w=="}'],
  ])('%s', (_, value, text) => {
    expect(encodeJson(value)).toBe(text)
  })

  test.each([
    [
      'a Set',
      [[{ x: new Set([1]) }], {}, {}],
      /cannot encode args\[0\]\.x as JSON: it is a Set; send an array/,
    ],
    [
      'a function in kwargs',
      [[], { 'on-end': () => 1 }, {}],
      /kwargs\["on-end"\] as JSON: it is a function/,
    ],
    ['a symbol', { a: [Symbol('x')] }, /value\.a\[0\] as JSON: it is a symbol \(Symbol\(x\)\)/],
    ['a promise', [Promise.resolve(1)], /value\[0\] as JSON: it is a Promise; await it first/],
    ['an error', { e: new TypeError('x') }, /value\.e as JSON: it is of class TypeError/],
    ['an invalid Date', [new Date(Number.NaN)], /value\[0\] as JSON: it is an invalid Date/],
    ['a Float64Array', [new Float64Array(1)], /value\[0\] as JSON: it is of class Float64Array/],
    ['an unread Python object', [new PythonObject('m', 'C')], /instance of the Python class m\.C/],
    ['a TimeDelta', [new TimeDelta(1)], /it is a TimeDelta; send its totalSeconds/],
    [
      'a Map with a list as key',
      [new Map([[[1], 2]])],
      /value\[0\] \(a key\) as JSON: it is neither text/,
    ],
    [
      'a value inside what toJSON gives',
      [{ toJSON: () => ({ a: new Set() }) }],
      /value\[0\]\.a as JSON/,
    ],
  ])('%s is refused, naming where it is', (_, value, message) => {
    expect(() => encodeJson(value)).toThrow(message)
    expect(() => encodeJson(value)).toThrow(expect.objectContaining({ code: 'VALUE_UNENCODABLE' }))
  })

  test('a circle is refused, naming where it closes', () => {
    const circle: Record<string, unknown> = { a: {} }
    circle.self = [circle]
    expect(() => encodeJson(circle)).toThrow(
      'cannot encode value.self[0] as JSON: it contains itself',
    )
  })

  test('an error thrown by toJSON comes through as it is', () => {
    const broken = {
      toJSON: () => {
        throw new TypeError('mine')
      },
    }
    expect(() => encodeJson(broken)).toThrow(new TypeError('mine'))
  })
})

describe('reading', () => {
  test.each([
    ['an integer of 16 digits', '9007199254740993', 9007199254740993n],
    ['a negative long integer', '[-12345678901234567890]', [-12345678901234567890n]],
    ['a long integer that fits', '1000000000000000', 1e15],
    ['16 digits that fit', '9007199254740991', 9007199254740991],
    ['the special floats', '[NaN, Infinity, -Infinity]', [Number.NaN, Infinity, -Infinity]],
    ['minus zero, which is an int in Python', '[-0]', [0]],
    ['special words in text', '["NaN Infinity", 1]', ['NaN Infinity', 1]],
    [
      'an escaped type name',
      String.raw`{"\u005f_type__": "decimal", "__value__": "1.0"}`,
      new Decimal('1.0'),
    ],
    [
      'a typed value with a key too many',
      '{"__type__": "date", "__value__": "x", "a": 1}',
      { __type__: 'date', __value__: 'x', a: 1 },
    ],
    ['a float with long digits', '0.12345678901234567', Number('0.12345678901234567')],
    ['escapes next to NaN', String.raw`["\"\\", NaN]`, ['"\\', Number.NaN]],
    ['empty containers next to NaN', '[ [], {}, NaN ]', [[], {}, Number.NaN]],
    [
      'a uuid given as text',
      '{"__type__": "uuid", "__value__": "12345678-1234-5678-1234-567812345678"}',
      new Uuid('12345678123456781234567812345678'),
    ],
    [
      'a date with a time',
      '{"__type__": "date", "__value__": "2020-01-02T00:00:00"}',
      new LocalDate('2020-01-02'),
    ],
  ])('%s', (_, text, value) => {
    expect(decodeJson(text)).toStrictEqual(value)
  })

  test('whole floats stay floats where that is asked for', () => {
    const text = '[1.0, -2.00, 1e3, 1.5, 3, 1e+16, {"a": 0.0}]'
    const value = decodeJson(text, { keepFloats: true })
    expect(value).toStrictEqual([
      new Float(1),
      new Float(-2),
      new Float(1000),
      1.5,
      3,
      1e16,
      { a: new Float(0) },
    ])
    expect(encodeJson(value)).toBe('[1.0, -2.0, 1000.0, 1.5, 3, 1e+16, {"a": 0.0}]')
    expect(decodeJson('7.0', { keepFloats: true })).toStrictEqual(new Float(7))
  })

  test.each(['{"__proto__": {"polluted": 1}}', '{"__proto__": {"polluted": NaN}}'])(
    '__proto__ in %s is a key like any other',
    (text) => {
      const value = decodeJson(text) as Record<string, unknown>
      expect(Object.keys(value)).toEqual(['__proto__'])
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
      expect(value.polluted).toBeUndefined()
    },
  )

  test.each([
    ['nothing', '', 'JSON at position 0: expected a value, found the end'],
    ['a list cut short', '[1, 2', 'JSON at position 5: expected "," or "]", found the end'],
    ['an object cut short', '{"a"', 'JSON at position 4: expected ":", found the end'],
    [
      'text cut short',
      '["abc',
      'JSON at position 5: expected a closing double quote, found the end',
    ],
    [
      'text that ends in an escape',
      String.raw`["a\"`,
      'JSON at position 5: expected a closing double quote, found the end',
    ],
    [
      'a key without quotes',
      '{a: 1}',
      'JSON at position 1: expected a key in double quotes, found "a: 1}"',
    ],
    ['a comma too many', '[1,]', 'JSON at position 3: expected a value, found "]"'],
    [
      'a line break in text',
      '["a\nb"]',
      'JSON at position 1: expected text without line breaks or unknown escapes',
    ],
    [
      'an unknown escape',
      String.raw`["\x41"]`,
      'JSON at position 1: expected text without line breaks',
    ],
    ['more after the end', '{} {}', 'JSON at position 3: expected the end of the text, found "{}"'],
    ['a leading zero', '[01]', 'JSON at position 2: expected "," or "]", found "1]"'],
    [
      'a byte order mark',
      '\ufeff{}',
      'JSON at position 0: expected JSON without a byte order mark',
    ],
    ['an integer of 5000 digits', '9'.repeat(5000), 'expected an integer of at most 4300 digits'],
    [
      'an unknown type',
      '{"__type__": "pickle", "__value__": 1}',
      'unknown __type__ "pickle" in JSON; expected one of datetime, date',
    ],
    [
      'a type named like a method',
      '{"__type__": "constructor", "__value__": 1}',
      'unknown __type__ "constructor"',
    ],
    [
      'a datetime that is none',
      '{"__type__": "datetime", "__value__": "soon"}',
      "'soon' is not a datetime",
    ],
    [
      'a datetime that is a number',
      '{"__type__": "datetime", "__value__": 5}',
      '__value__ of a datetime is number; expected text',
    ],
    [
      'a day the calendar lacks',
      '{"__type__": "date", "__value__": "2021-02-29"}',
      "'2021-02-29' is not a date",
    ],
  ])('%s is refused, saying what was expected where', (_, text, message) => {
    expect(() => decodeJson(text)).toThrow(message)
    expect(() => decodeJson(text)).toThrow(expect.objectContaining({ code: 'MESSAGE_UNDECODABLE' }))
  })

  test.each(['[', '{"a":', '[[{"b":'])(
    'a million times %s gives an error, not a crash',
    (piece) => {
      expect(() => decodeJson(piece.repeat(1_000_000))).toThrow(/at most 900 levels of nesting/)
      expect(() => decodeJson(`[NaN, ${piece.repeat(1_000_000)}`)).toThrow(ProtocolError)
    },
  )

  test('nesting that is closed properly is refused all the same when it is too deep', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
    expect(encodeJson(decodeJson(nested(900)))).toBe(nested(900))
    expect(() => decodeJson(nested(901))).toThrow(/at most 900 levels/)
  })

  test('many flat brackets are no nesting', () => {
    const text = `[${'{}, '.repeat(5000)}{}]`
    expect(decodeJson(text)).toHaveLength(5001)
  })

  test('five megabytes take well under ten seconds', () => {
    const text = encodeJson([
      ['x'.repeat(5_000_000), 'é'],
      { list: new Array(100_000).fill(NaN) },
      {},
    ])
    expect(decodeJson(text)).toHaveLength(3)
  }, 10_000)
})

describe('any value', () => {
  test('is the same after writing and reading', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        expect(decodeJson(encodeJson(value))).toEqual(value)
      }),
    )
  })

  test('of plain JSON is read as JSON.parse reads it, by either parser', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        // JSON.parse keeps the sign of -0, which is an int to Python, and loses digits of long integers.
        const text = json.replaceAll('-0', '0')
        fc.pre(!/\d{16}/.test(text))
        const [own] = decodeJson(`[${text}, NaN]`) as unknown[]
        expect(own).toEqual(JSON.parse(text))
        expect(decodeJson(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  test('of broken text gives a value or a ProtocolError', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'[]{}",:\\0123-.eE NaIfty_nulr'.split('')) }),
        (text) => {
          try {
            decodeJson(text)
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError)
          }
        },
      ),
    )
  })
})
