import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { buildRecipe, RECIPE_SCHEMA, Recipe } from '../../src/recipes/index.ts'

const FOLDER = join(import.meta.dirname, '../fixtures/recipes')

test('a recipe is built of steps with names', () => {
  const recipe = buildRecipe({
    start: { find: { image: 'a.cbf' } },
    steps: {
      find: { queue: 'spots', output: { hits: ['store', 'tell'], none: 'tell' } },
      store: { queue: 'store', parameters: { table: 'spots' } },
      tell: { topic: 'news' },
    },
    error: ['tell'],
  })
  expect(recipe.serialize()).toBe(
    '{"start": [[1, {"image": "a.cbf"}]], "error": [3], "1": {"queue": "spots", "output": {"hits": [2, 3], "none": 3}}, ' +
      '"2": {"queue": "store", "parameters": {"table": "spots"}}, "3": {"topic": "news"}}',
  )
})

test('a step that nothing leads to, a circle, and a name that is no step are refused', () => {
  expect(() =>
    buildRecipe({ start: { a: 1 }, steps: { a: { queue: 'a' }, b: { queue: 'b' } } }),
  ).toThrow(/2/)
  const circle = { a: { queue: 'a', output: 'b' }, b: { queue: 'b', output: 'a' } } as const
  expect(() => buildRecipe({ start: { a: 1 }, steps: circle })).toThrow()
  const missing = () =>
    buildRecipe({
      start: { a: 1 },
      // @ts-expect-error: there is no step c
      steps: { a: { queue: 'a', output: 'c' } },
    })
  expect(missing).toThrow()
})

const fits = new Ajv({ strictTuples: false }).compile(RECIPE_SCHEMA)
const { validate } = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as {
  validate: readonly { file: string; valid: boolean }[]
}

// A boolean is a node number to Python; an editor does well to mark it.
test.each(validate.filter(({ file, valid }) => valid && file !== '47-output-true.json'))(
  'the schema for editors takes $file',
  ({ file }) => {
    expect(fits(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')))).toBe(true)
  },
)

test.each([
  '21-no-start.json',
  '23-start-entry-too-short.json',
  '29-output-as-string.json',
  '30-output-list-with-word.json',
])('the schema for editors refuses %s', (file) => {
  expect(readdirSync(FOLDER)).toContain(file)
  expect(fits(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')))).toBe(false)
  expect(() => Recipe.parse(readFileSync(join(FOLDER, file), 'utf8')).validate()).toThrow()
})
