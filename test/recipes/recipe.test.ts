import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeJson, encodeJson } from '../../src/codecs/json/json.ts'
import { RecipeError } from '../../src/errors.ts'
import { Recipe } from '../../src/recipes/index.ts'
import { substituted } from '../../src/recipes/recipe/substitute.ts'

const FOLDER = join(import.meta.dirname, '../fixtures/recipes')

interface Fault {
  readonly stage?: string
  readonly category: string
  readonly python_class: string
  readonly node?: string
  readonly path?: readonly unknown[]
  readonly back_to?: unknown
  readonly position?: number
}

interface ValidateCase extends Fault {
  readonly file: string
  readonly valid: boolean
  readonly loaded?: unknown
  readonly serialised?: string
}

interface Recorded {
  readonly parameter_sets: Readonly<Record<string, Record<string, unknown>>>
  readonly validate: readonly ValidateCase[]
  readonly substitute: readonly {
    readonly name: string
    readonly template: unknown
    readonly parameters: string | Record<string, unknown>
    readonly result?: unknown
    readonly error?: string
  }[]
  readonly merge: readonly {
    readonly name: string
    readonly files: readonly (string | null)[]
    readonly result?: unknown
    readonly error?: Fault
  }[]
}

const recorded = exactly(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Recorded

describe('a recipe of Zocalo is read and judged as Python does', () => {
  test.each(recorded.validate.filter((recipe) => recipe.valid))('$file is valid', (recipe) => {
    const read = Recipe.parse(textOf(recipe.file))
    read.validate()
    expect(read.serialize()).toBe(recipe.serialised)
  })

  // A plain number as "error" is a quirk of Python's loader: here it is taken as a list of one.
  const refused = recorded.validate.filter(
    (recipe) => !recipe.valid && recipe.file !== '41-error-as-number.json',
  )
  test.each(refused)('$file is refused: $category', (recipe) => {
    const error = errorOf(() => Recipe.parse(textOf(recipe.file)).validate())
    expect(shapeOf(error)).toEqual(expectedShape(recipe, recipe.stage ?? 'validate'))
  })

  test('a plain number as error is taken as a list of one node', () => {
    const recipe = Recipe.parse(textOf('41-error-as-number.json'))
    expect(recipe.recipe.get('error')).toEqual([1])
  })
})

describe('parameters are put in as Python does', () => {
  test.each(recorded.substitute)('$name', (item) => {
    const parameters =
      typeof item.parameters === 'string'
        ? recorded.parameter_sets[item.parameters]
        : item.parameters
    const work = () => substituted(item.template, parameters ?? {})
    if (item.error === undefined) expect(encodeJson(work())).toBe(encodeJson(item.result))
    else expect(errorOf(work)).toMatchObject({ stage: 'substitute', pythonClass: item.error })
  })
})

describe('recipes are merged as Python does', () => {
  test.each(recorded.merge)('$name', (item) => {
    const sources = item.files.map((file) => (file === null ? null : Recipe.parse(textOf(file))))
    const before = sources.map((source) => source?.serialize())
    const work = () => sources.reduce((merged: Recipe, next) => merged.merge(next), new Recipe())
    if (item.error === undefined) {
      expect(work().serialize()).toBe(encodeJson(item.result))
    } else {
      expect(shapeOf(errorOf(work))).toEqual(expectedShape(item.error, 'merge'))
    }
    expect(sources.map((source) => source?.serialize())).toEqual(before)
  })
})

describe('hostile recipes', () => {
  test('ten thousand nodes in a row are walked without recursion', () => {
    const nodes = Array.from({ length: 10_000 }, (_, index) => [
      String(index + 1),
      { queue: 'q', output: index === 9_999 ? [] : index + 2 },
    ])
    const recipe = new Recipe(
      new Map<string, unknown>([['start', [[1, null]]], ...(nodes as [string, unknown][])]),
    )
    expect(() => recipe.validate()).not.toThrow()
  })

  test('a dense graph is walked once, however many paths lead through it', () => {
    const nodes: [string, unknown][] = []
    for (let layer = 0; layer < 60; layer += 1) {
      const below = layer === 59 ? [] : [2 * layer + 3, 2 * layer + 4]
      nodes.push([String(2 * layer + 1), { queue: 'q', output: below }])
      nodes.push([String(2 * layer + 2), { queue: 'q', output: below }])
    }
    const recipe = new Recipe(
      new Map<string, unknown>([
        [
          'start',
          [
            [1, null],
            [2, null],
          ],
        ],
        ...nodes,
      ]),
    )
    expect(() => recipe.validate()).not.toThrow()
  })

  test('a cycle of ten thousand nodes is named by its first and last ones', () => {
    const nodes = Array.from({ length: 10_000 }, (_, index): [string, unknown] => [
      String(index + 1),
      { queue: 'q', output: index === 9_999 ? 1 : index + 2 },
    ])
    const error = errorOf(() =>
      new Recipe(new Map<string, unknown>([['start', [[1, null]]], ...nodes])).validate(),
    )
    expect(error).toMatchObject({ category: 'cycle', backTo: 1 })
    expect(error.message.length).toBeLessThan(1000)
  })

  test('a key named __proto__ is a key like any other', () => {
    const text = '{"start": [[1, {}]], "1": {"queue": "q", "__proto__": {"polluted": true}}}'
    expect(Recipe.parse(text).serialize()).toBe(text)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    const recipe = Recipe.parse(
      '{"start": [[1, {}]], "1": {"queue": "{constructor}{__proto__}{toString}"}}',
    )
    recipe.applyParameters({})
    expect(recipe.node(1)).toEqual({ queue: '{constructor}{__proto__}{toString}' })
  })

  test.each(['{s:>999999999}', '{s:.999999999}', '{n:0999999999d}'])(
    '%s is refused, not written',
    (text) => {
      expect(() => substituted(text, { s: 'x', n: 1 })).toThrow(/at most 10000 is allowed/)
    },
  )

  test.each([
    ['null', '{"null": 1}'],
    ['true', '{"true": 1}'],
    ['1.0', '{"1.0": 1}'],
    ['NaN', '{"NaN": 1}'],
  ])('a key that is replaced by %s is written as in Python', (value, written) => {
    const recipe = Recipe.parse('{"start": [[1, {"{$REPLACE:x}": 1}]], "1": {"queue": "q"}}')
    recipe.applyParameters(exactly(`{"x": ${value}}`) as Record<string, unknown>)
    expect(recipe.serialize()).toBe(`{"start": [[1, ${written}]], "1": {"queue": "q"}}`)
  })

  test('a key that is replaced by an object is refused', () => {
    const recipe = Recipe.parse('{"start": [[1, {"{$REPLACE:x}": 1}]], "1": {"queue": "q"}}')
    const error = errorOf(() => recipe.applyParameters({ x: { a: 1 } }))
    expect(error).toMatchObject({ stage: 'substitute', pythonClass: 'TypeError' })
  })

  test.each(['"terror"', '["error"]'])('a node that is %s is refused', (node) => {
    const recipe = Recipe.parse(`{"start": [[1, {}]], "1": ${node}}`)
    const error = errorOf(() => recipe.validate())
    expect(error).toMatchObject({ category: 'type-error', pythonClass: 'TypeError' })
  })

  test('numbers survive being read and written: 1.0, 2**63, the order of keys', () => {
    const text =
      '{"start": [[1, {"a": 1.0, "b": 9223372036854775808, "c": 1e-05, "d": -0.0, "10": 1, "9": 2}]], "1": {"queue": "q"}}'
    expect(Recipe.parse(text).serialize()).toBe(text)
  })
})

/** With 1.0 apart from 1, and the keys in their order. */
function exactly(text: string): unknown {
  return decodeJson(text, { keepFloats: true, keepOrder: true, plainObjects: true })
}

function textOf(file: string): string {
  return readFileSync(join(FOLDER, file), 'utf8')
}

function errorOf(work: () => unknown): RecipeError {
  try {
    work()
  } catch (error) {
    if (error instanceof RecipeError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

function shapeOf(error: RecipeError) {
  const { stage, category, pythonClass, node, path, backTo, position } = error
  return {
    stage,
    category,
    pythonClass,
    ...(category === 'type-error' || category === 'node-not-numeric' ? {} : { node }),
    path,
    backTo,
    position,
  }
}

function expectedShape(fault: Fault, stage: string) {
  const isUnplaced = fault.category === 'type-error' || fault.category === 'node-not-numeric'
  return {
    stage,
    category: fault.category,
    pythonClass: fault.python_class,
    ...(isUnplaced ? {} : { node: fault.node }),
    path: fault.path,
    backTo: fault.back_to,
    position: fault.position,
  }
}

describe('format strings give what Python gives, errors included', () => {
  const file = join(import.meta.dirname, '../fixtures/recipes/format-cases.json')
  const { parameters, cases } = exactly(readFileSync(file, 'utf8')) as {
    readonly parameters: Record<string, unknown>
    readonly cases: readonly (readonly [
      string,
      { readonly result?: unknown; readonly error?: string },
    ])[]
  }

  test.each(cases.map(([template, expected]) => ({ template, expected })))(
    '$template',
    ({ template, expected }) => {
      const work = () => substituted({ value: template }, parameters) as { value: unknown }
      if (expected.error === undefined)
        expect(encodeJson(work().value)).toBe(encodeJson(expected.result))
      else expect(errorOf(work)).toMatchObject({ pythonClass: expected.error })
    },
  )
})
