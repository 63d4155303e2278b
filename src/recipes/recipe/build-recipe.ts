import { Recipe } from './recipe.ts'

/** Where results go: a step, several, or by the name of an output. */
export type StepTargets<Name extends string> =
  | Name
  | readonly Name[]
  | { readonly [output: string]: Name | readonly Name[] }

/** A step under its name; the fields are those of a recipe's node. */
export interface RecipeStep<Name extends string> {
  readonly queue?: string
  readonly topic?: string
  readonly service?: string
  readonly output?: StepTargets<Name>
  readonly error?: StepTargets<Name>
  readonly exchange?: string
  /** Seconds. */
  readonly 'transport-delay'?: number
  readonly parameters?: Readonly<Record<string, unknown>>
  readonly job_parameters?: Readonly<Record<string, unknown>>
  readonly wrapper?: Readonly<Record<string, unknown>>
  readonly [field: string]: unknown
}

export interface RecipeDefinition<Name extends string> {
  /** Steps to begin with, each with its payload. */
  readonly start: { readonly [Step in NoInfer<Name>]?: unknown }
  readonly steps: { readonly [Step in Name]: RecipeStep<NoInfer<Name>> }
  readonly error?: readonly NoInfer<Name>[]
}

/**
 * A recipe of steps with names, which the compiler checks; numbers follow from their order. Throws `RecipeError` where
 * it is not valid: a cycle, a step that nothing leads to.
 */
export function buildRecipe<const Name extends string>(definition: RecipeDefinition<Name>): Recipe {
  const names = Object.keys(definition.steps) as Name[]
  const numbers = new Map(names.map((name, index) => [name as string, index + 1]))
  const numberOf = (name: string): unknown => numbers.get(name) ?? name
  const start = Object.entries(definition.start).map(([name, payload]) => [numberOf(name), payload])
  const nodes = names.map((name): [string, unknown] => [
    String(numbers.get(name)),
    nodeOf(definition.steps[name], numberOf),
  ])
  const error = definition.error?.map(numberOf)
  const recipe = new Recipe(
    new Map<string, unknown>([
      ['start', start],
      ...(error === undefined ? [] : [['error', error] as const]),
      ...nodes,
    ]),
  )
  recipe.validate()
  return recipe
}

function nodeOf(step: RecipeStep<string>, numberOf: (name: string) => unknown): object {
  const { output, error, ...fields } = step
  return {
    ...fields,
    ...(output !== undefined && { output: linksOf(output, numberOf) }),
    ...(error !== undefined && { error: linksOf(error, numberOf) }),
  }
}

function linksOf(targets: StepTargets<string>, numberOf: (name: string) => unknown): unknown {
  if (typeof targets === 'string') return numberOf(targets)
  if (isList(targets)) return targets.map(numberOf)
  return Object.fromEntries(
    Object.entries(targets).map(([name, target]) => [
      name,
      isList(target) ? target.map(numberOf) : numberOf(target as string),
    ]),
  )
}

function isList(targets: unknown): targets is readonly string[] {
  return Array.isArray(targets)
}
