import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printed } from '../../src/config/printed.ts'
import { readPythonLiteral } from '../../src/config/python-literal/python-literal.ts'
import { anyCharacter } from '../support/any-character.ts'

test.each<[string, unknown]>([
  ['True', true],
  ['False', false],
  ['None', null],
  ['true', true],
  ['null', null],
  ['{"a": [true, null]}', { a: [true, null] }],
  ['1', 1],
  ['-1', -1],
  ['+ 1', 1],
  ['-(1)', -1],
  ['1_000', 1000],
  ['0xFF', 255],
  ['0o17', 15],
  ['0b1_01', 5],
  ['00', 0],
  ['9007199254740993', 9007199254740993n],
  ['-9007199254740993', -9007199254740993n],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['5.', 5],
  ['1e3', 1000],
  ['1_0.0_1e+1_0', 10.01e10],
  ['01.5', 1.5],
  ['1e999', Number.POSITIVE_INFINITY],
  ['"a"', 'a'],
  ['\'a\' "b"', 'ab'],
  ["('a'\n 'b')", 'ab'],
  ["'''a\nb'''", 'a\nb'],
  ['"""a"b"""', 'a"b'],
  [String.raw`'\n\t\\\'\"\a\b\f\v\r'`, '\n\t\\\'"\x07\b\f\v\r'],
  [String.raw`'\x41\u00e9\U0001F600\101\0\q'`, 'Aé😀A\0\\q'],
  [String.raw`r'\n'`, '\\n'],
  [String.raw`r'\''`, "\\'"],
  ["u'a'", 'a'],
  ["'a\\\nb'", 'ab'],
  [String.raw`b'a\xff\u'`, new Uint8Array([97, 255, 92, 117])],
  [String.raw`Rb'\x'`, new Uint8Array([92, 120])],
  ['()', []],
  ['(1)', 1],
  ['(1,)', [1]],
  ['1,', [1]],
  ['1, 2', [1, 2]],
  ['[1, [2, (3,)],]', [1, [2, [3]]]],
  ['{}', {}],
  ['{1, 2}', new Set([1, 2])],
  ['set()', new Set()],
  ["{'a': 1, 'b': {'c': None},}", { a: 1, b: { c: null } }],
  [
    '{1: "a", (1, 2): "b"}',
    new Map<unknown, unknown>([
      [1, 'a'],
      [[1, 2], 'b'],
    ]),
  ],
  [' [ 1, # one\n 2 ]  # done', [1, 2]],
])('%s is read', (text, value) => {
  expect(readPythonLiteral(text)).toEqual(value)
})

test.each([
  ['', 'found the end at position 0, expected a literal'],
  ['os.system("x")', 'found "o" at position 0, expected a literal'],
  ['[1, open("x")]', 'found "o" at position 4, expected a literal'],
  ['1 + 1', 'found "+" at position 2, expected the end'],
  ['[1 2]', 'found "2" at position 3, expected "," or "]"'],
  ['[1, 2', 'found the end at position 5, expected "," or "]"'],
  ['[,]', 'found "," at position 1, expected a literal'],
  ["{'a': 1, 'b'}", 'found "}" at position 12, expected ":"'],
  ["{'a', 'b': 1}", 'found ":" at position 9, expected "," or "}"'],
  ['{{}: 1}', 'found "{" at position 1, expected something hashable'],
  ['{"a", []}', 'found "[" at position 6, expected something hashable'],
  ['{(1, [2]): 3}', 'found "(" at position 1, expected something hashable'],
  ['0777', 'found "0" at position 0, expected a number'],
  ['1__0', 'found "1" at position 0, expected a number'],
  ['1j', 'found "1" at position 0, expected a number'],
  ['--1', 'found "-" at position 1, expected a number'],
  ['-True', 'found "T" at position 1, expected a number'],
  ['"a', `found the end at position 2, expected "`],
  ['"a\nb"', `found "\n" at position 2, expected "`],
  ["'a' b'b'", `found "'" at position 0, expected texts or bytes in a row, not both`],
  ["b'é'", 'found "é" at position 2, expected ASCII in bytes'],
  [String.raw`'\xg'`, 'found "g" at position 3, expected 2 hexadecimal digits of a character'],
  [
    String.raw`'\U00110000'`,
    `found "'" at position 11, expected 8 hexadecimal digits of a character`,
  ],
  [
    String.raw`'\N{DASH}'`,
    'found "{" at position 3, expected no \\N{...}: write the character itself',
  ],
  ["f'a'", 'found "f" at position 0, expected a literal'],
  ['...', 'found "." at position 0, expected a number'],
])('%s is refused, and the place is told', (text, message) => {
  expect(() => readPythonLiteral(text)).toThrow(new SyntaxError(message))
})

test('brackets a thousand deep are refused quickly', () => {
  for (const bracket of ['[', '(', '{', '{"a":', '{(']) {
    expect(() => readPythonLiteral(bracket.repeat(1000))).toThrow(/no more than 100 brackets/)
  }
})

test('"__proto__" is a key like any other', () => {
  const value = readPythonLiteral("{'__proto__': {'polluted': True}}") as object
  expect(Object.keys(value)).toEqual(['__proto__'])
  expect('polluted' in value).toBe(false)
})

test('what is printed as Python prints it is read back as the same', () => {
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.string({ unit: anyCharacter }),
      fc.integer(),
      fc.bigInt({ min: 2n ** 53n }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value')),
      fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
    ),
  })).value
  fc.assert(
    fc.property(values, (value) => {
      expect(readPythonLiteral(printed(value))).toEqual(value)
    }),
  )
})

test('no text makes the reader fail in another way than a SyntaxError', () => {
  const pieces = fc.array(fc.constantFrom(...'()[]{},:\'"\\rbu#-+.0x1_9e\n TrueNone'.split('')))
  fc.assert(
    fc.property(pieces, (parts) => {
      try {
        readPythonLiteral(parts.join(''))
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError)
      }
    }),
    { numRuns: 2000 },
  )
})
