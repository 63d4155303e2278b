import { exactInteger } from '../../codecs/numbers.ts'
import { type Dict, isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { pythonRepr } from '../../codecs/python/python-text.ts'
import { RecipeError } from '../../errors.ts'
import { nodeNumber } from '../recipe/links.ts'
import { Recipe, type RecipeSource } from '../recipe/recipe.ts'

/** What a wrapper begins with. */
interface WrapperParts {
  readonly recipe: Recipe
  readonly pointer: number | bigint | null
  readonly path: readonly unknown[]
  readonly environment: Dict
  readonly payload: unknown
}

/** Of a recipe that has not been started. */
export function partsOfRecipe(source: RecipeSource | null | undefined): WrapperParts {
  if (source === undefined || source === null) {
    throw misuse('A message or recipe is required to create a RecipeWrapper object.', 'no-recipe')
  }
  const recipe = source instanceof Recipe ? source : new Recipe(source)
  return { recipe, pointer: null, path: [], environment: {}, payload: null }
}

/** Of a message's body. Throws `RecipeError` (stage `message`) where it is no recipe message. */
export function partsOfMessage(message: unknown): WrapperParts {
  if (!isDict(message)) {
    throw invalidMessage(
      'type-error',
      'TypeError',
      'a recipe message is not an object; expected recipe, recipe-pointer and payload',
    )
  }
  const recipe = new Recipe(recipeOf(message))
  const environment = itemAtKey(message, 'environment')
  const path = itemAtKey(message, 'recipe-path')
  return {
    recipe,
    pointer: pointerOf(message),
    path: Array.isArray(path) ? path : [],
    environment: isDict(environment) ? environment : {},
    payload: itemAtKey(message, 'payload') ?? null,
  }
}

function recipeOf(message: Dict): RecipeSource {
  const recipe = itemAtKey(message, 'recipe')
  if (recipe instanceof Recipe || typeof recipe === 'string' || isDict(recipe)) return recipe
  throw missing('recipe')
}

const INTEGER = /^\s*[+-]?\d+(?:_\d+)*\s*$/

function pointerOf(message: Dict): number | bigint {
  const pointer = itemAtKey(message, 'recipe-pointer')
  if (pointer === undefined) throw missing('recipe-pointer')
  const number = nodeNumber(pointer)
  if (number !== null) return number
  if (typeof pointer === 'string' && INTEGER.test(pointer)) {
    return exactInteger(BigInt(pointer.trim().replaceAll('_', '').replace(/^\+/, '')))
  }
  throw invalidMessage(
    'pointer-invalid',
    typeof pointer === 'string' ? 'ValueError' : 'TypeError',
    `the recipe-pointer of a message is ${pythonRepr(pointer).slice(0, 60)}; expected a node number`,
  )
}

/** The node that a link or pointer names. */
export function stepOf(recipe: Recipe, target: unknown): Dict {
  const number = nodeNumber(target)
  const step = number === null ? undefined : recipe.node(number)
  if (step !== undefined) return step
  const node = String(number ?? pythonRepr(target)).slice(0, 60)
  throw new RecipeError(`the recipe has no node ${node}`, {
    stage: 'message',
    category: 'missing-node',
    pythonClass: 'KeyError',
    node,
  })
}

function missing(key: string): RecipeError {
  return invalidMessage(
    `${key}-missing`,
    'KeyError',
    `the message has no "${key}", so it is not a recipe message`,
  )
}

/** A call that this wrapper cannot fulfil. */
export function misuse(message: string, category: string): RecipeError {
  return invalidMessage(category, 'ValueError', message)
}

export function invalidMessage(
  category: string,
  pythonClass: string,
  message: string,
): RecipeError {
  return new RecipeError(message, { stage: 'message', category, pythonClass })
}
