import { readFileSync } from 'node:fs'
import { RecipeError, UsageError } from '../../errors.ts'
import { Recipe } from '../../recipes/index.ts'

/** A recipe from a file, not validated. Throws `UsageError` for a file that cannot be read. */
export function readRecipe(file: string): Recipe {
  return Recipe.parse(recipeText(file))
}

/** What is wrong with the recipe in this file, with its place; null where it is valid. */
export function recipeProblem(file: string): string | null {
  try {
    const text = recipeText(file)
    try {
      Recipe.parse(text).validate()
      return null
    } catch (error) {
      if (!(error instanceof RecipeError)) throw error
      return `${file}${placeOf(text, error.position)}: ${error.message} [${error.category}]`
    }
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
}

function recipeText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
    throw new UsageError(`${file}: cannot be read${code}; expected a recipe in JSON`, { cause })
  }
}

function placeOf(text: string, position: number | undefined): string {
  if (position === undefined) return ''
  const before = text.slice(0, position).split('\n')
  return `:${before.length}:${(before.at(-1) ?? '').length + 1}`
}
