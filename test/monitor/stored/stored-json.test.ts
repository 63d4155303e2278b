import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DateTime, Decimal, Float, TimeDelta, Uuid } from '../../../src/codecs/values.ts'
import { jsonbText } from '../../../src/monitor/stored/stored-json.ts'
import { anyCharacter } from '../../support/any-character.ts'

test.each<[string, unknown, string]>([
  ['plain values', [1, 'two', null, true, { a: [] }], '[1,"two",null,true,{"a":[]}]'],
  ['an integer beyond 2^53', [2n ** 70n], '[1180591620717411303424]'],
  ['NaN and the infinities', [Number.NaN, 1 / 0, -1 / 0], '["NaN","Infinity","-Infinity"]'],
  ['a whole float', [new Float(1)], '[1.0]'],
  ['a float that is no number', [new Float(Number.NaN)], '["NaN"]'],
  ['NUL', ['a\u0000b', { 'k\u0000': 1 }], '["a\uFFFDb",{"k\uFFFD":1}]'],
  ['a lone surrogate', ['a\ud800b'], '["a\uFFFDb"]'],
  ['a pair of surrogates', ['🌱\u0001'], '["🌱\\u0001"]'],
  [
    'a datetime',
    [new DateTime('2026-01-31T12:00:00+01:00')],
    '[{"__type__":"datetime","__value__":"2026-01-31T12:00:00+01:00"}]',
  ],
  ['a decimal', [new Decimal('12.3400')], '[{"__type__":"decimal","__value__":"12.3400"}]'],
  [
    'a UUID',
    [new Uuid('00000000000000000000000000000001')],
    '[{"__type__":"uuid","__value__":{"hex":"00000000000000000000000000000001"}}]',
  ],
  [
    'bytes that are text with NUL',
    [Buffer.from('a\u0000')],
    '[{"__type__":"bytes","__value__":"a\uFFFD"}]',
  ],
  ['bytes that are no text', [Buffer.from([255])], '[{"__type__":"base64","__value__":"/w=="}]'],
  ['a timedelta, in seconds', [new TimeDelta(1, 5)], '[86405]'],
  ['a Set', [new Set([1, 2])], '[[1,2]]'],
  [
    'a Map whose keys are no text',
    [
      new Map<unknown, unknown>([
        [1, 'a'],
        [null, 'b'],
      ]),
    ],
    '[{"1":"a","null":"b"}]',
  ],
  [
    'a key named __proto__',
    [JSON.parse('{"__proto__": 1n}'.replace('1n', '"\\u0000"'))],
    '[{"__proto__":"\uFFFD"}]',
  ],
])('%s', (_what, value, text) => {
  expect(jsonbText(value)).toBe(text)
})

test('whatever a JSON body holds, the text is JSON that PostgreSQL takes, and equal where JSON is', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: anyCharacter }), (value) => {
      const text = jsonbText(value)
      expect(text).not.toMatch(/\\u(?:0000|d[89a-f])/)
      if (!/\\u(?:0000|d[89a-f])/.test(JSON.stringify(value))) {
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }
    }),
  )
})
