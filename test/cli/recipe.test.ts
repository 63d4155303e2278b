import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { buildProgram } from '../../src/cli/program/program.ts'
import { runProgram } from '../../src/cli/run-program.ts'

const RECIPE = {
  start: [[1, { image: '{image}' }]],
  1: { service: 'find spots', queue: 'spots', output: { hit: 2, all: [2, 3] } },
  2: { service: 'store', queue: 'store.{image}', 'transport-delay': 5 },
  3: { topic: 'news' },
}

test('recipe check is silent where all recipes are valid', async () => {
  const file = recipeFile(JSON.stringify(RECIPE))
  expect(await run(['recipe', 'check', file])).toEqual({ code: 0, out: '', err: '' })
})

test('recipe check names every bad file, with the place and the category', async () => {
  const files = [
    recipeFile('{\n  "start": ['),
    recipeFile(JSON.stringify(RECIPE)),
    recipeFile('{"start": [[1, {}]], "1": {"queue": "q", "output": 1}}'),
  ]
  const { code, out, err } = await run(['recipe', 'check', ...files, '/no/such/file'])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err.trim().split('\n')).toEqual([
    expect.stringMatching(/recipe\.json:2:13: the recipe is not JSON: .*\[json-syntax\]$/),
    expect.stringMatching(/recipe\.json: Invalid recipe: Recipe contains cycle .*\[cycle\]$/),
    expect.stringMatching(/^\/no\/such\/file: cannot be read \(ENOENT\)/),
  ])
})

test('validate-recipe ends with the list that workflows.validate_recipe prints', async () => {
  const bad = recipeFile('{"start": []}')
  const { code, out, err } = await run(['validate-recipe', recipeFile(JSON.stringify(RECIPE)), bad])
  expect({ code, out }).toEqual({
    code: 1,
    out: `Errors found in the following recipes: ['${bad}']\n`,
  })
  expect(err).toContain('[start-empty]')
})

test('recipe draw shows each node with where its messages go', async () => {
  const file = recipeFile(JSON.stringify(RECIPE))
  const { code, out } = await run(['recipe', 'draw', file])
  expect(code).toBe(0)
  expect(out).toContain('1 find spots → queue spots')
  expect(out).toContain('3 → topic news')
  expect((await run(['recipe', 'draw', file, '--svg'])).out).toMatch(/^<svg /)
  expect((await run(['recipe', 'draw', file, '--mermaid'])).out).toContain('-->')
})

test('recipe try shows what would be sent where, with parameters put in', async () => {
  const file = recipeFile(JSON.stringify(RECIPE))
  const { code, out } = await run(['recipe', 'try', file, '--set', 'image=a.cbf', '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual([
    {
      from: 'start',
      output: null,
      node: '1',
      kind: 'queue',
      destination: 'spots',
      options: {},
      payload: { image: 'a.cbf' },
    },
    {
      from: '1',
      output: 'hit',
      node: '2',
      kind: 'queue',
      destination: 'store.a.cbf',
      options: { delay: 5 },
    },
    {
      from: '1',
      output: 'all',
      node: '2',
      kind: 'queue',
      destination: 'store.a.cbf',
      options: { delay: 5 },
    },
    { from: '1', output: 'all', node: '3', kind: 'topic', destination: 'news', options: {} },
  ])
})

test('recipe try refuses parameters it cannot read, naming them', async () => {
  const file = recipeFile(JSON.stringify(RECIPE))
  expect(await run(['recipe', 'try', file, '--parameters', '[1]'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('--parameters [1]: expected a JSON object'),
  })
  expect(await run(['recipe', 'try', file, '--set', 'image'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('--set image: expected key=value'),
  })
})

function recipeFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'recipe-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'recipe.json')
  writeFileSync(file, text)
  return file
}

async function run(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text
    return true
  })
  const before = process.exitCode
  process.exitCode = 0
  try {
    return { code: await runProgram(args, await buildProgram(args)), out, err }
  } finally {
    process.exitCode = before
    stdout.mockRestore()
    stderr.mockRestore()
  }
}
