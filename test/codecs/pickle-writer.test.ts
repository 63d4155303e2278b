import { expect, test } from 'vitest'
import { readPickle } from '../../src/codecs/pickle/pickle-reader.ts'
import { writePickle } from '../../src/codecs/pickle/pickle-writer.ts'
import {
  DateTime,
  Decimal,
  LocalDate,
  LocalTime,
  PythonObject,
  TimeDelta,
  Tuple,
  Uuid,
} from '../../src/codecs/values.ts'

test('any value is the same after writing and reading', () => {
  const values = [
    0,
    255,
    256,
    65_535,
    65_536,
    -1,
    -(2 ** 31),
    2 ** 31,
    2 ** 53 - 1,
    2n ** 70n,
    -(2n ** 70n),
    -128n * 2n ** 64n,
    1.5,
    2 ** 53,
    true,
    null,
    'é😀',
    'x'.repeat(300),
    Buffer.alloc(300, 1),
    [],
    {},
    [1, [2]],
    { a: { b: [] } },
    Tuple.of(),
    Tuple.of(1),
    Tuple.of(1, 2, 3, 4),
    new Set([1, 'a']),
    new Set(),
    new Map([[1, 2]]),
    new DateTime('2020-01-02T03:04:05.000006+02:00'),
    new DateTime('2020-01-02T03:04:05'),
    new LocalDate('2020-01-02'),
    new LocalTime('03:04:05.000006'),
    new TimeDelta(-1, 5, 6),
    new Decimal('1.50'),
    new Uuid('f'.repeat(32)),
  ]
  for (const value of values) expect(readPickle(writePickle(value))).toStrictEqual(value)
})

test('a Date is an aware datetime', () => {
  expect(readPickle(writePickle(new Date(1577934245678)))).toStrictEqual(
    new DateTime('2020-01-02T03:04:05.678000+00:00'),
  )
})

test('undefined is left out of objects and None in lists', () => {
  expect(readPickle(writePickle({ a: undefined, b: [undefined] }))).toStrictEqual({ b: [null] })
})

test('text and bytes are not mixed up', () => {
  expect(readPickle(writePickle(['abc', Buffer.from('abc')]))).toStrictEqual([
    'abc',
    Buffer.from('abc'),
  ])
})

test.each([
  ['a function', [() => 1], 'cannot encode value[0] as pickle: it is a function'],
  [
    'a Python object',
    { o: new PythonObject('m', 'C') },
    'value.o as pickle: it is an instance of the Python class m.C',
  ],
  [
    'a list in a Set',
    [new Set([[1]])],
    'value[0] as pickle: its member object: Python cannot hash it',
  ],
  ['an object as key', new Map([[{}, 1]]), 'value (a key) as pickle: Python cannot hash it'],
  ['an invalid Date', [new Date(Number.NaN)], 'value[0] as pickle: it is an invalid Date'],
])('%s is refused', (_, value, message) => {
  expect(() => writePickle(value)).toThrow(message)
})

test('a circle is refused', () => {
  const circle: unknown[] = []
  circle.push(circle)
  expect(() => writePickle(circle)).toThrow('value[0] as pickle: it contains itself')
})
