import { expect, test } from 'vitest'
import { jsonText } from '../../src/cli/output/json-text.ts'
import { Decimal } from '../../src/codecs/values.ts'

test('whole numbers of any size are digits', () => {
  expect(jsonText([2n ** 64n, -1n])).toBe('[18446744073709551616,-1]')
})

test('what JSON lacks is text', () => {
  const value = {
    bytes: Buffer.from('abc'),
    price: new Decimal('1.50'),
    at: new Date(0),
    map: new Map([['a', 1n]]),
    set: new Set([1]),
  }
  expect(jsonText(value)).toBe(
    '{"bytes":"YWJj","price":"1.50","at":"1970-01-01T00:00:00.000Z","map":{"a":1},"set":[1]}',
  )
})

test('nothing at all is null', () => {
  expect(jsonText(undefined)).toBe('null')
})
