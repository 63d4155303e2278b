import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DateTime } from '../../src/codecs/values.ts'
import { expirationMs, isoAfterSeconds, parseIso, toIso } from '../../src/protocol/times.ts'

test('a time is written as Python writes it, with a fraction only where there is one', () => {
  expect(toIso(new Date('2031-02-03T04:05:06Z'))).toBe('2031-02-03T04:05:06+00:00')
  expect(toIso(new Date('2031-02-03T04:05:06.789Z'))).toBe('2031-02-03T04:05:06.789000+00:00')
})

test('a DateTime keeps its microseconds and its offset', () => {
  expect(toIso(new DateTime('2031-02-03T04:05:06.000789-05:00'))).toBe(
    '2031-02-03T04:05:06.000789-05:00',
  )
})

test('a text is taken as it is, once it is sure to be a time', () => {
  expect(toIso('2031-02-03T04:05:06')).toBe('2031-02-03T04:05:06')
  expect(() => toIso('soon')).toThrow("'soon' is not a time, expected ISO 8601")
})

test.each([
  [new Date(Number.NaN), 'a time is an invalid Date'],
  [new Date(1e15), 'a time is +033658-09-27T01:46:40.000Z, expected a year from 1 to 9999'],
])('%s is refused', (date, message) => {
  expect(() => toIso(date)).toThrow(message)
  expect(() => isoAfterSeconds(0, date)).toThrow(
    expect.objectContaining({ code: 'VALUE_UNENCODABLE' }),
  )
})

test('a countdown ends in the time zone asked for, summer time included', () => {
  const now = new Date('2026-07-01T23:30:00.500Z')
  expect(isoAfterSeconds(10, now)).toBe('2026-07-01T23:30:10.500000+00:00')
  expect(isoAfterSeconds(10.5, now, 'Europe/Paris')).toBe('2026-07-02T01:30:11+02:00')
  expect(isoAfterSeconds(0, now, 'America/St_Johns')).toBe('2026-07-01T21:00:00.500000-02:30')
  expect(isoAfterSeconds(0, now, 'UTC')).toBe('2026-07-01T23:30:00.500000+00:00')
})

test.each([
  ['2031-02-03T04:05:06.789Z', '2031-02-03T04:05:06.789Z'],
  ['2031-02-03T04:05:06.789123+00:00', '2031-02-03T04:05:06.789Z'],
  ['2031-02-03T04:05:06', '2031-02-03T04:05:06.000Z'],
  ['2031-02-03 04:05', '2031-02-03T04:05:00.000Z'],
  ['2031-02-03', '2031-02-03T00:00:00.000Z'],
  ['2031-02-03T04:05:06-05:30', '2031-02-03T09:35:06.000Z'],
  ['2031-02-03T04:05:06+0100', '2031-02-03T03:05:06.000Z'],
  ['2031-02-03T04:05:06+01', '2031-02-03T03:05:06.000Z'],
  ['20310203T040506Z', '2031-02-03T04:05:06.000Z'],
  ['0099-12-31T00:00:00', '0099-12-31T00:00:00.000Z'],
  ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
])('%s is read', (text, expected) => {
  expect(parseIso(text).toISOString()).toBe(expected)
})

test.each([
  [''],
  ['soon'],
  ['60'],
  ['2031-02-30'],
  ['2031-13-01'],
  ['2031-02-03T24:00:00'],
  ['2031-02-03T04:60:00'],
  ['2031-02-03T04:05:06+99:99'],
  ['2031-02-03T04:05:06 and more'],
  ['Sat Feb 03 2001 04:05:06 GMT+0000'],
])('%s is refused', (text) => {
  expect(() => parseIso(text)).toThrow(/is not a time, expected ISO 8601/)
})

test('what was written is read as the same time', () => {
  const dates = fc.date({ min: new Date(-6e13), max: new Date(1.9e14), noInvalidDate: true })
  const zones = fc.constantFrom('UTC', 'Asia/Kolkata', 'America/New_York', 'Pacific/Apia')
  fc.assert(
    fc.property(dates, zones, (date, zone) => {
      expect(parseIso(toIso(date))).toEqual(date)
      const late = new Date(date.getTime() + 6e13)
      expect(parseIso(isoAfterSeconds(0, late, zone))).toEqual(late)
    }),
  )
})

test('a message expires in whole milliseconds, at once if its time is over', () => {
  const now = new Date('2031-01-01T00:00:00Z')
  expect(expirationMs('2031-01-01T00:00:01.234567+00:00', now)).toBe(1234)
  expect(expirationMs(new Date('2031-01-01T00:01:00Z'), now)).toBe(60_000)
  expect(expirationMs('2001-01-01', now)).toBe(0)
})
