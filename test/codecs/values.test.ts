import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
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

describe('DateTime', () => {
  test('is a Date at the instant its text names, and keeps the text', () => {
    const date = new DateTime('2020-01-02T03:04:05.678901+02:00')
    expect(date).toBeInstanceOf(Date)
    expect(date.toISOString()).toBe('2020-01-02T01:04:05.678Z')
    expect(String(date)).toBe('2020-01-02T03:04:05.678901+02:00')
    expect(JSON.stringify(date)).toBe('"2020-01-02T03:04:05.678901+02:00"')
    expect(inspect(date)).toBe('DateTime(2020-01-02T03:04:05.678901+02:00)')
    expect(date.isNaive).toBe(false)
    expect(date.fields).toMatchObject({ hour: 3, microsecond: 678901, offsetSeconds: 7200 })
  })

  test('without an offset is naive, and taken for UTC', () => {
    const date = new DateTime('2020-01-02T03:04:05')
    expect(date.isNaive).toBe(true)
    expect(date.toISOString()).toBe('2020-01-02T03:04:05.000Z')
  })

  test.each([
    ['0001-01-01T00:00:00', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999999', '9999-12-31T23:59:59.999Z'],
    ['2020-01-02', '2020-01-02T00:00:00.000Z'],
    ['2020-01-02 03:04:05Z', '2020-01-02T03:04:05.000Z'],
    ['2020-01-02T03:04-0330', '2020-01-02T06:34:00.000Z'],
    ['1900-01-01T00:00:00+00:19:32', '1899-12-31T23:40:28.000Z'],
    ['1969-12-31T23:59:59.999999+00:00', '1969-12-31T23:59:59.999Z'],
  ])('%s is %s', (text, iso) => {
    expect(new DateTime(text).toISOString()).toBe(iso)
  })

  test.each(['', 'now', '2020-13-01T00:00:00', '2021-02-29', '2020-01-02T24:00:00', '0000-01-01'])(
    '%j is refused',
    (text) => {
      expect(() => new DateTime(text)).toThrow(
        expect.objectContaining({ code: 'MESSAGE_UNDECODABLE' }),
      )
    },
  )

  test('cannot be changed, not even through setTime', () => {
    const date = new DateTime('2020-01-02T03:04:05')
    expect(() => date.setTime(0)).toThrow('a DateTime cannot be changed')
    expect(date.getTime()).toBe(Date.UTC(2020, 0, 2, 3, 4, 5))
  })
})

test('a Tuple is a frozen array whose methods give plain arrays', () => {
  const tuple = new Tuple(5)
  expect([...tuple]).toEqual([5])
  expect(Object.isFrozen(tuple)).toBe(true)
  expect(Array.isArray(tuple)).toBe(true)
  expect(tuple.map((item) => item + 1)).toStrictEqual([6])
  expect(Tuple.of(1, 2)).toStrictEqual(new Tuple(1, 2))
  expect(Tuple.from(new Set([1, 2]))).toStrictEqual(new Tuple(1, 2))
  expect(inspect(Tuple.of(1))).toBe('Tuple(1) [ 1 ]')
})

test('a large Tuple does not overflow the stack', () => {
  expect(Tuple.from(new Array(1_000_000).fill(0))).toHaveLength(1_000_000)
})

test('a Float counts as its number', () => {
  expect(Number(new Float(1)) + 1).toBe(2)
  expect(String(new Float(1))).toBe('1.0')
  expect(JSON.stringify(new Float(1))).toBe('1')
})

test.each(['1', '-1.50', '.5', '5.', '1E+5', 'NaN', '-Infinity', 'sNaN'])(
  '%s is a Decimal',
  (text) => {
    expect(String(new Decimal(text))).toBe(text)
  },
)

test.each(['', '1,5', '0x1', '1e', '--1'])('%j is no Decimal', (text) => {
  expect(() => new Decimal(text)).toThrow('is not a decimal number')
})

test('a Uuid takes any spelling and has two', () => {
  const uuid = new Uuid('{12345678-1234-5678-1234-56781234ABCD}')
  expect(uuid.hex).toBe('1234567812345678123456781234abcd')
  expect(String(uuid)).toBe('12345678-1234-5678-1234-56781234abcd')
  expect(() => new Uuid('1234')).toThrow('is not a UUID')
})

test('a LocalDate and a LocalTime have no zone to be shifted by', () => {
  expect(String(new LocalDate('2020-02-29'))).toBe('2020-02-29')
  expect(() => new LocalDate('2020-02-30')).toThrow('is not a date')
  expect(new LocalTime('03:04:05.000006').fields).toMatchObject({ minute: 4, microsecond: 6 })
  expect(() => new LocalTime('25:00')).toThrow('is not a time')
})

test('every value is frozen and prints as what it is', () => {
  const values = [
    [new LocalDate('2020-01-02'), 'LocalDate(2020-01-02)'],
    [new LocalTime('03:04:05'), 'LocalTime(03:04:05)'],
    [new TimeDelta(1, 1), 'TimeDelta(86401s)'],
    [new Decimal('1.50'), 'Decimal(1.50)'],
    [new Float(1), 'Float(1.0)'],
    [new Uuid('0'.repeat(32)), 'Uuid(00000000-0000-0000-0000-000000000000)'],
    [new DateTime('2020-01-02'), 'DateTime(2020-01-02)'],
  ] as const
  for (const [value, text] of values) {
    expect(Object.isFrozen(value)).toBe(true)
    expect(inspect(value)).toBe(text)
  }
})

test('printing a PythonObject shows its name and nothing that it holds', () => {
  const object = new PythonObject('celery.result', 'GroupResult', [
    'postgresql://user:secret@host/db',
  ])
  expect(inspect({ object }, { depth: 9 })).not.toContain('secret')
  expect(`${object} ${JSON.stringify(object)}`).toBe(
    '<celery.result.GroupResult> {"python":"celery.result.GroupResult"}',
  )
})
