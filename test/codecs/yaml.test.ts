import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DateTime, Decimal, Float, LocalDate, LocalTime, Tuple } from '../../src/codecs/values.ts'
import { decodeYaml, encodeYaml } from '../../src/codecs/yaml/yaml.ts'
import { ProtocolError } from '../../src/errors.ts'
import { recordedMessage } from './vectors.ts'

test('what Celery sent is read, and written byte for byte', () => {
  const text = recordedMessage('body-yaml').body.toString()
  const value = [
    [1, 'é'],
    { k: [1, 2] },
    { callbacks: null, errbacks: null, chain: null, chord: null },
  ]
  expect(decodeYaml(text)).toStrictEqual(value)
  expect(encodeYaml(value)).toBe(text)
})

describe('a word means what it means to PyYAML', () => {
  test.each([
    ['~', null],
    ['', null],
    ['yes', true],
    ['Off', false],
    ['y', 'y'],
    ['12', 12],
    ['-1_000', -1000],
    ['010', 8],
    ['0o10', '0o10'],
    ['0x1F', 31],
    ['0b101', 5],
    ['1:30', 90],
    ['9007199254740993', 9007199254740993n],
    ['1.5', 1.5],
    ['1e5', '1e5'],
    ['1.0e+5', 100000],
    ['.5', 0.5],
    ['-.inf', -Infinity],
    ['.nan', Number.NaN],
    ['1:30.5', 90.5],
    ['2020-01-02', new LocalDate('2020-01-02')],
    ['2020-01-02 03:04:05.678901+02:00', new DateTime('2020-01-02T03:04:05.678901+02:00')],
    ['2020-1-2 3:04:05.5 Z', new DateTime('2020-01-02T03:04:05.500000+00:00')],
    ['2020-01-02T03:04:05', new DateTime('2020-01-02T03:04:05')],
    ['2020-01-02 03:04:05 -3', new DateTime('2020-01-02T03:04:05-03:00')],
    ['!!str 12', '12'],
    ['!!float 1.0', 1],
    ['!!int "3"', 3],
    ['!!binary AP8=', Buffer.from([0, 255])],
    ['!!set {a, b}', new Set(['a', 'b'])],
  ])('%s', (text, value) => {
    expect(decodeYaml(text)).toStrictEqual(value)
  })
})

describe('reading', () => {
  test('what an anchor names is one value', () => {
    const [first, second] = decodeYaml('- &id001 [1]\n- *id001\n') as unknown[]
    expect(second).toStrictEqual([1])
    expect(second).toBe(first)
  })

  test('keys that are no text make a Map, the last of equal keys counts, << merges', () => {
    expect(decodeYaml('1: a\nb: c\n')).toStrictEqual(
      new Map<unknown, unknown>([
        [1, 'a'],
        ['b', 'c'],
      ]),
    )
    expect(decodeYaml('a: 1\na: 2\n')).toStrictEqual({ a: 2 })
    expect(decodeYaml('x: &x {a: 1}\ny: {<<: *x, b: 2}\n')).toMatchObject({ y: { a: 1, b: 2 } })
    const often = `- &x {a: 1}\n${'- {<<: [*x, {b: 2}], c: 3}\n'.repeat(1000)}`
    expect((decodeYaml(often) as unknown[])[1000]).toStrictEqual({ a: 1, b: 2, c: 3 })
  })

  // Each result is that of yaml.safe_load(text).
  test.each([
    [
      'tabs in quotes, blocks and comments',
      '# a\tb\na: "b\tc"\nd: |\n  e\tf\n',
      { a: 'b\tc', d: 'e\tf\n' },
    ],
    [
      'words in quotes or with a tag',
      "a: '='\nb: '<<'\nc: !!str =\nd: '&a'\ne: &a 1\n",
      { a: '=', b: '<<', c: '=', d: '&a', e: 1 },
    ],
    ['words that are keys', 'a: {<<: {b: 1}}\n=: 2\n', { a: { b: 1 }, '=': 2 }],
    ['lines that end as on an old Macintosh', 'a: 1\rb: [c]\r', { a: 1, b: ['c'] }],
    ['a whole number with the tag of a float', 'a: !!float 3\n', { a: 3 }],
  ])('%s are read', (_, text, value) => {
    expect(decodeYaml(text)).toStrictEqual(value)
  })

  test('__proto__ is a key like any other', () => {
    expect(Object.keys(decodeYaml('__proto__: {a: 1}') as object)).toEqual(['__proto__'])
  })

  test.each([
    ['a Python tag', '!!python/object/apply:os.system ["echo"]', 'YAML at position 0'],
    ['an unknown tag', '- !foo bar', 'YAML at position 2'],
    ['bad indentation', 'a:\n  - b\n - c', 'YAML at position'],
    ['a list cut short', '[1, 2', 'YAML at position'],
    ['two documents', 'a\n---\nb', 'YAML at position'],
    ['an alias of nothing', '- *x', 'YAML'],
    ['a number that is none', '!!int x', 'YAML at position 0: Unresolved tag'],
    ['a bomb of aliases', bomb(), 'YAML: Excessive alias count'],
    ['a bomb of <<', mergeBomb('*k'), 'YAML: its << copy more than 1000000 entries'],
    ['a bomb of lists after <<', mergeBomb('[*k, *k]'), 'YAML: its << copy more than 1000000'],
    ['a bomb of objects after <<', mergeBomb('{<<: *k}'), 'YAML: its << copy more than 1000000'],
    ['a tab before a value', 'a:\tb\n', 'YAML: a tab between words'],
    ['a tab in a plain text', 'a: b\tc\n', 'YAML: a tab between words'],
    ['a tab at the end', 'a: 1\n\t\n', 'YAML: a tab between words'],
    ['the word = as a value', 'a: =\n', 'YAML: the word = is no value'],
    ['the word << as a value', '[<<]', 'YAML: the word << is no value'],
    ['an anchor that is there twice', '[&a 1, &a 2]', 'YAML: the anchor &a is there twice'],
    ['a list as a key', '? [a]\n: b\n', 'YAML: a list, an object or a set is a key'],
    ['an object as a key', '{{a: 1}: b}', 'YAML: a list, an object or a set is a key'],
    ['a NUL', 'a: b\0', 'YAML at position 4: a character that is not printable'],
  ])('%s is refused', (_, text, message) => {
    expect(() => decodeYaml(text)).toThrow(message)
    expect(() => decodeYaml(text)).toThrow(ProtocolError)
  })
})

test.each([
  ['a hundred thousand lists', '[', 100_000, 'expected at most 500 levels of nesting'],
  ['a hundred thousand dashes', '- ', 100_000, 'expected at most 500 levels of nesting'],
  ['a hundred thousand keys', '? ', 100_000, 'expected at most 500 levels of nesting'],
  ['fifty thousand dicts in a line', 'a: ', 50_000, 'expected at most 500 levels of nesting'],
  ['five megabytes', '[', 5_000_000, 'expected at most 1000000 characters, found 5000000'],
])('%s are refused before they fill the memory', (_, piece, count, message) => {
  expect(() => decodeYaml(piece.repeat(count))).toThrow(message)
})

// The texts are those of yaml.safe_dump(value).
describe('writing', () => {
  test.each([
    [1, '1\n...\n'],
    ['a b', 'a b\n...\n'],
    ['', "''\n"],
    ['yes', "'yes'\n"],
    ['12', "'12'\n"],
    ['=', "'='\n"],
    ["it's: so", "'it''s: so'\n"],
    ['é😀', '"\\xE9\\U0001F600"\n'],
    [[], '[]\n'],
    [{}, '{}\n'],
    [[[1, [2]], { a: 1, b: [3] }], '- - 1\n  - - 2\n- a: 1\n  b:\n  - 3\n'],
    [{ b: 1, a: { c: {} } }, 'a:\n  c: {}\nb: 1\n'],
    [
      [1e16, 1e-7, new Float(1), Number.NaN, -Infinity],
      '- 1.0e+16\n- 1.0e-07\n- 1.0\n- .nan\n- -.inf\n',
    ],
    [Buffer.from([0, 255]), '!!binary |\n  AP8=\n'],
    [{ a: Buffer.from([0, 255]) }, 'a: !!binary |\n  AP8=\n'],
    [new Set(['b', 'a']), '!!set\na: null\nb: null\n'],
    [[new Set(['a'])], '- !!set\n  a: null\n'],
    [new DateTime('2020-01-02T03:04:05.000006+02:00'), '2020-01-02 03:04:05.000006+02:00\n...\n'],
    [[new Date(0), new LocalDate('2020-01-02')], '- 1970-01-01 00:00:00+00:00\n- 2020-01-02\n'],
    [Tuple.of(1), '- 1\n'],
    [
      new Map([
        [2, 'b'],
        [1, 'a'],
      ]),
      '2: b\n1: a\n',
    ],
  ])('%o', (value, text) => {
    expect(encodeYaml(value)).toBe(text)
  })

  test.each([
    [
      'a Decimal',
      [[new Decimal('1')], {}, {}],
      'cannot encode args[0] as YAML: YAML has no form for a Decimal',
    ],
    ['a time', [new LocalTime('01:02')], 'YAML has no form for a LocalTime'],
    ['a function', { f: () => 1 }, 'value.f as YAML: it is a function'],
    ['a list as key', new Map([[[1], 1]]), 'value (a key) as YAML'],
  ])('%s is refused', (_, value, message) => {
    expect(() => encodeYaml(value)).toThrow(message)
  })

  test('any value is the same after writing and reading', () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.string({
            unit: fc.constantFrom(...'-:#?! ,[]{}&*|>\'"%@`=<~0129.exyn\n\t'.split('')),
          }),
          fc.boolean(),
          fc.constant(null),
          fc.maxSafeInteger(),
          fc.double({ noNaN: true }),
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        fc.array(tie('value')),
        fc.dictionary(fc.string(), tie('value')),
      ),
    })).value
    fc.assert(
      fc.property(value, (each) => {
        expect(decodeYaml(encodeYaml(each))).toEqual(each)
      }),
    )
  })
})

/** A thousand keys, copied a thousand times and once more. */
function mergeBomb(source: string): string {
  const keys = Array.from({ length: 1000 }, (_, at) => `k${at}: 1`)
  return `- &k {${keys.join(', ')}}\n${`- {<<: ${source}}\n`.repeat(1001)}`
}

function bomb(): string {
  const lines = Array.from(
    { length: 9 },
    (_, at) => `- &a${at + 1} [${new Array(9).fill(`*a${at}`).join(', ')}]`,
  )
  return `- &a0 lol\n${lines.join('\n')}\n`
}
