import { expect, test } from 'vitest'
import { Lexer } from 'yaml'
import { YamlDepth } from '../../src/codecs/yaml/yaml-depth.ts'

test.each([
  ['a scalar', 'a', 0],
  ['a dict', 'a: 1\nb: 2\n', 1],
  ['dicts in dicts', 'a:\n  b:\n    c: 1\nd:\n  e: 1\n', 3],
  ['a list beside its key', 'a:\n- 1\n- 2\nb:\n- 3\n', 2],
  ['dicts in a list', '- a: 1\n  b: 2\n- c: 3\n', 2],
  ['lists in a line', '- - - 1\n', 3],
  ['lists and dicts in a line', '- a:\n  - b: 1\n', 4],
  ['brackets', '[[1], {a: [2]}]', 3],
  ['brackets in a list', '- [1]\n- {a: {b: 1}}\n', 3],
  ['a list as a key', '[a]: b\n', 1],
  ['keys with signs of their own', '? a\n: b\n? c\n: d\n', 1],
  ['an anchor and a tag before a key', '- &x !!str a: 1\n  b: 2\n', 2],
  ['signs in texts', 'a: "- - -"\nb: \'[[[\'\nc: x - y\n', 1],
  ['signs in a text of lines', 'a: |\n  - - -\n  ? ? ?\nb: x\n', 1],
  ['a text over several lines', 'a: one\n  two\n  three\nb:\n  c: 1\n', 2],
  ['documents', '--- {a: 1}\n---\n- 1\n', 1],
  ['a comment', '# - - -\na: 1 # [[[\n', 1],
])('%s', (_, text, levels) => {
  const depth = new YamlDepth()
  expect(Math.max(...[...new Lexer().lex(text)].map((token) => depth.take(token)))).toBe(levels)
})
