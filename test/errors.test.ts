import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

const PROJECT = resolve(import.meta.dirname, '..')

const page = readFileSync(resolve(PROJECT, 'docs/errors.md'), 'utf8')
const sections = new Map(
  [...page.matchAll(/^### (\w+)\n([\s\S]*?)(?=^##|(?![\s\S]))/gm)].map(
    ([, code = '', text = '']) => [code, text.trim()],
  ),
)
const sources = [
  'errors.ts',
  ...readdirSync(resolve(PROJECT, 'src/errors')).map((file) => `errors/${file}`),
]
  .map((file) => readFileSync(resolve(PROJECT, 'src', file), 'utf8'))
  .join('\n')
const codes = new Set([...sources.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, code = '']) => code))

test('docs/errors.md has a section for every code, and for nothing else', () => {
  expect([...sections.keys()].sort()).toEqual([...codes].sort())
})

test.each([...codes])('%s is explained: what it means, then what to do', (code) => {
  const paragraphs = sections.get(code)?.split('\n\n') ?? []
  expect(paragraphs.length).toBeGreaterThanOrEqual(2)
})
