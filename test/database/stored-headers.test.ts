import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Decimal, Float } from '../../src/codecs/values.ts'
import { exactText, readExactText } from '../../src/database/stored-headers.ts'
import { anyCharacter } from '../support/any-character.ts'

test.each<[string, Record<string, unknown>]>([
  ['what Celery sends', { id: 'a', eta: null, retries: 0, timelimit: [null, 30], stamps: {} }],
  ['64-bit integers', { tag: 2n ** 62n, negative: -(2n ** 62n) }],
  ['integers up to 2^53', { ms: 1_700_000_000_000, most: Number.MAX_SAFE_INTEGER }],
  ['floats', { half: 0.5, tiny: 1e-7, huge: 1e300, minusZero: -0, nan: Number.NaN, inf: 1 / 0 }],
  ['a float that is whole', { ratio: new Float(1) }],
  ['bytes', { raw: Buffer.from([0, 255, 1]) }],
  ['times', { at: new Date(1_700_000_000_000) }],
  ['decimals', { price: new Decimal('12.30') }],
  ['NUL and lone surrogates', { 'a\u0000': 'b\u0000', c: '\ud800' }],
  [
    'what looks like a tag',
    { __amqp__: 'bytes', value: 'x', inner: { __type__: 'datetime', __value__: 'x' } },
  ],
  ['a header named __proto__', JSON.parse('{"__proto__": {"__proto__": "\\u0000"}}')],
])('%s come back as they were', (_what, headers) => {
  expect(readExactText(exactText(headers))).toEqual(headers)
})

test.each([
  ['5', {}],
  ['"text"', {}],
  ['[1]', {}],
  ['null', {}],
  [`{"a":{"__type__":"datetime","__value__":5}}`, { a: { __type__: 'datetime', __value__: 5 } }],
  ['{"a":{"__amqp__":"table","value":5}}', { a: {} }],
  [
    '{"a":{"__amqp__":{"toString":1},"value":[5,[{"toString":1},6]]}}',
    { a: { '[object Object]': 6 } },
  ],
  ['{"a":{"__amqp__":"bytes","value":{"toString":1}}}', { a: expect.any(Buffer) }],
  [`${'['.repeat(2_000)}${']'.repeat(2_000)}`, {}],
])('%s, which another program wrote, spoils no row beside it', (text, headers) => {
  expect(readExactText(text)).toEqual(headers)
})

test('whatever headers hold comes back as it was', () => {
  const { tree } = fc.letrec((tie) => ({
    tree: fc.dictionary(fc.string({ unit: anyCharacter }), tie('value'), { maxKeys: 4 }),
    value: fc.oneof(
      { maxDepth: 3 },
      fc.string({ unit: anyCharacter }),
      fc.integer(),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.date({ noInvalidDate: true }),
      fc.array(tie('value'), { maxLength: 3 }),
      tie('tree'),
    ),
  }))
  fc.assert(
    fc.property(tree, (headers) => {
      const text = exactText(headers as object)
      expect(text).not.toMatch(/\\u(?:0000|d[89a-f])/)
      // fast-check makes dictionaries without a prototype; what comes back are plain objects.
      expect(readExactText(text)).toEqual(withPrototypes(headers))
    }),
  )
})

function withPrototypes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPrototypes)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date || Buffer.isBuffer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withPrototypes(item)]))
}
