import { expect, test } from 'vitest'
import { type JsonSchema, readDefinition } from '../../src/definitions/check.ts'
import { DefinitionError } from '../../src/errors.ts'

const SCHEMA: JsonSchema = {
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name: { type: 'string' },
    kind: { enum: ['linear', 'graph'] },
    steps: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        properties: { task: { type: 'string' }, timeout: { type: 'number', minimum: 1 } },
      },
    },
  },
}

function read(text: string, file = 'flow.yaml'): unknown {
  return readDefinition(text, { file, schema: SCHEMA }).value
}

function linesOf(text: string, file?: string): string[] {
  try {
    read(text, file)
  } catch (error) {
    if (error instanceof DefinitionError) return error.message.split('\n')
    throw error
  }
  return []
}

test('YAML and JSON give the same object', () => {
  const expected = { name: 'a', steps: [{ task: 't' }] }
  expect(read('name: a\nsteps:\n  - task: t\n')).toEqual(expected)
  expect(read('{"name":\t"a",\n\t"steps": [{"task": "t"}]}', 'flow.json')).toEqual(expected)
})

test('all mistakes are reported at once, each with its file, line and column', () => {
  expect(linesOf('kind: circle\nsteps:\n  - tsak: t\n  - { task: 5, timeout: 0 }\n')).toEqual([
    'flow.yaml:1:1: "name" is missing',
    'flow.yaml:1:7: "kind" is "circle", expected one of "linear", "graph"',
    'flow.yaml:3:11: unknown key "tsak"; did you mean "task"?',
    'flow.yaml:4:13: "steps.1.task" is 5, expected string',
    'flow.yaml:4:25: "steps.1.timeout" is 0, expected a value that must be >= 1',
  ])
})

test('a syntax error is reported where it stands', () => {
  expect(linesOf('name: a\nsteps: [1, 2\n')).toEqual([expect.stringMatching(/^flow\.yaml:3:1: /)])
  expect(linesOf('{"name": }', 'flow.json')).toEqual([expect.stringMatching(/^flow\.json:1:10: /)])
})

test('a .json file must be JSON, not YAML', () => {
  expect(linesOf('name: a', 'flow.json')).toHaveLength(1)
})

test('a key given twice is refused', () => {
  expect(linesOf('name: a\nname: b\n')).toEqual([
    expect.stringMatching(/^flow\.yaml:2:1: .*unique/),
  ])
})

test.each(['__proto__', 'constructor', 'prototype'])('the key %s is refused', (key) => {
  expect(linesOf(`name: a\n${key}:\n  x: 1\n`)).toEqual([
    `flow.yaml:2:1: the key "${key}" is not allowed`,
  ])
  expect(Object.hasOwn(Object.prototype, 'x')).toBe(false)
})

test('a tag is refused', () => {
  expect(linesOf('name: !!python/object:os.system a\n')[0]).toMatch(/^flow\.yaml:1:7: /)
})

test('aliases that expand to more values than allowed are refused before they are expanded', () => {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
  for (let level = 1; level < 12; level += 1) {
    lines.push(
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(',')}]`,
    )
  }
  expect(linesOf(lines.join('\n'))).toEqual([
    expect.stringMatching(/^flow\.yaml:\d+:\d+: expected at most 200000 values, aliases expanded$/),
  ])
})

test('an alias inside its own anchor is refused', () => {
  expect(linesOf('name: &a [*a]\n')).toEqual(['flow.yaml:1:11: an alias cannot contain itself'])
})

test.each([
  ['brackets', `name: ${'['.repeat(50_000)}`],
  ['dashes', `${'- '.repeat(50_000)}x`],
  ['keys', `${'? '.repeat(50_000)}x`],
  ['lines', Array.from({ length: 1_200 }, (_, level) => `${' '.repeat(level)}a:`).join('\n')],
  ['200 levels', `name: ${'['.repeat(200)}${']'.repeat(200)}`],
])('values nested too deeply are refused: %s', (_, text) => {
  expect(linesOf(text)[0]).toMatch(/^flow\.yaml:\d+:\d+: /)
})

test('a text beyond the limit is refused before it is parsed', () => {
  expect(linesOf(`name: ${'a'.repeat(1_000_001)}`)).toEqual([
    'flow.yaml:1:1: the file has 1000007 characters, expected at most 1000000',
  ])
})

test('an empty file is no definition', () => {
  expect(linesOf('')).toEqual(['flow.yaml:1:1: the definition is null, expected object'])
})
