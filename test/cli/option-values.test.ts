import { InvalidArgumentError } from 'commander'
import { expect, test } from 'vitest'
import {
  count,
  header,
  isoTime,
  jsonList,
  jsonObject,
  level,
  names,
  positiveInteger,
  seconds,
  secondsOrTime,
  signalName,
  since,
} from '../../src/cli/options/option-values.ts'
import { Float } from '../../src/codecs/values.ts'
import { timeSpanMs } from '../../src/time-span.ts'

test.each([
  ['90s', 90_000],
  ['2h', 7_200_000],
  ['1h30m', 5_400_000],
  ['1.5d', 129_600_000],
  ['250ms', 250],
])('%s is a span of %d ms', (text, ms) => {
  expect(timeSpanMs(text)).toBe(ms)
})

test.each(['', '2', 'h', '2 h', '-2h', '2y', '2h!'])('"%s" is no span', (text) => {
  expect(timeSpanMs(text)).toBeUndefined()
})

test.each<[string, (text: string) => unknown, string]>([
  ['0', positiveInteger, 'whole number, 1 or more'],
  ['1.5', count, 'whole number, 0 or more'],
  ['soon', seconds, 'seconds'],
  ['', seconds, 'seconds'],
  [' , ', names, 'names'],
  ['loud', level, 'debug, info, warning, error or critical'],
  ['{"a": 1}', jsonList, 'JSON list'],
  ['[1', jsonList, 'JSON'],
  ['[1]', jsonObject, 'JSON object'],
  ['null', jsonObject, 'JSON object'],
  ['tomorrow', isoTime, 'ISO 8601'],
  ['2030-13-45', isoTime, 'ISO 8601'],
  ['yesterday', since, 'span'],
  ['=1', header, 'name=value'],
  ['SIGTREM', signalName, 'SIGTERM'],
  ['constructor', signalName, 'SIGTERM'],
])('"%s" is refused with what was expected', (text, read, expected) => {
  expect(() => read(text)).toThrow(InvalidArgumentError)
  expect(() => read(text)).toThrow(expected)
})

test('a signal goes by its name, with SIG or without', () => {
  expect([signalName('SIGKILL'), signalName('kill')]).toEqual(['SIGKILL', 'SIGKILL'])
})

test('names are split at commas and each is there once', () => {
  expect(names('export, msg,export,')).toEqual(['export', 'msg'])
})

test('JSON arguments keep what JavaScript would lose', () => {
  expect(jsonList('[1.0, 12345678901234567890]')).toEqual([new Float(1), 12345678901234567890n])
})

test('headers gather, whatever their names', () => {
  const gathered = header('b=x=y', header('__proto__=1'))
  expect(Object.entries(gathered)).toEqual([
    ['__proto__', '1'],
    ['b', 'x=y'],
  ])
})

test('a time without an offset is UTC, as Celery reads it', () => {
  expect(isoTime('2030-01-31T12:00:00').toISOString()).toBe('2030-01-31T12:00:00.000Z')
  expect(isoTime('2030-01-31 12:00:00').toISOString()).toBe('2030-01-31T12:00:00.000Z')
  expect(isoTime('2030-01-31T12:00:00+02:00').toISOString()).toBe('2030-01-31T10:00:00.000Z')
})

test('expires is seconds or a time', () => {
  expect(secondsOrTime('90')).toBe(90)
  expect(secondsOrTime('2030-01-31')).toEqual(new Date('2030-01-31T00:00:00Z'))
})

test('since is a span back from now, or a time', () => {
  const twoHoursAgo = Date.now() - 7_200_000
  expect(Math.abs(since('2h').getTime() - twoHoursAgo)).toBeLessThan(1_000)
  expect(since('2030-01-31')).toEqual(new Date('2030-01-31T00:00:00Z'))
})
