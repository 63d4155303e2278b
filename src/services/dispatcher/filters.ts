import { readFile } from 'node:fs/promises'
import { isAbsolute, relative, resolve } from 'node:path'
import { type Dict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { RecipeError } from '../../errors.ts'
import { Recipe, type RecipeSource, type SiteConfig } from '../../recipes/index.ts'
import { textOf } from '../../text-of-error.ts'

/** A request on its way to a recipe: copies, which filters may change. */
export interface Request {
  readonly message: Dict
  readonly parameters: Dict
}

type Changeable = Record<string, unknown>

/** Changes a request before its recipe is started: `message.recipe` is the recipe so far. Answers both. */
type DispatcherFilter = (
  message: Changeable,
  parameters: Changeable,
  site: { readonly config: SiteConfig },
) => readonly [Changeable, Changeable] | Promise<readonly [Changeable, Changeable]>

/** Whether a request can be processed already; else it is looked at again in two seconds. */
type ReadinessCheck = (message: Dict, parameters: Dict) => boolean | Promise<boolean>

export interface DispatcherPlugins {
  readonly filters: Readonly<Record<string, DispatcherFilter>>
  readonly readyForProcessing: Readonly<Record<string, ReadinessCheck>>
}

type Step = (request: Request) => Promise<Request>

/** All filters by name, in their order: those of the site, then the Dispatcher's own. */
export function filtersOf(plugins: DispatcherPlugins, config: SiteConfig): [string, Step][] {
  const own = Object.entries(plugins.filters).map(([name, filter]): [string, Step] => [
    name,
    async ({ message, parameters }) => {
      const given = [message, parameters] as [Changeable, Changeable] // copies, free to change
      const [changedMessage, changedParameters] = await filter(...given, { config })
      return { message: changedMessage, parameters: changedParameters }
    },
  ])
  const directory = config.plugin('storage')?.['zocalo.recipe_directory']
  return [
    ...own,
    ['load_custom_recipe', loadCustomRecipe],
    ['load_recipes_from_files', (request) => loadRecipesFromFiles(request, directory)],
    ['apply_parameters', applyParameters],
  ]
}

async function loadCustomRecipe(request: Request): Promise<Request> {
  const custom = itemAtKey(request.message, 'custom_recipe')
  if (!custom) return request
  return merged(request, new Recipe(custom as RecipeSource)) // checked by the recipe itself
}

/** All are merged into one, which each message of the run carries. */
const MOST_RECIPES = 100

async function loadRecipesFromFiles(request: Request, directory: unknown): Promise<Request> {
  const names = itemAtKey(request.message, 'recipes') ?? []
  if (!Array.isArray(names)) throw refusal('"recipes" of the request is not a list of names')
  if (names.length > MOST_RECIPES) {
    throw refusal(`the request names ${names.length} recipes, expected at most ${MOST_RECIPES}`)
  }
  let result = request
  for (const name of names) {
    const recipe = Recipe.parse(await recipeText(fileOf(textOf(name), directory), textOf(name)))
    result = merged(result, recipe)
  }
  return result
}

async function applyParameters(request: Request): Promise<Request> {
  const recipe = new Recipe(recipeOf(request))
  recipe.applyParameters(request.parameters)
  return withRecipe(request, recipe)
}

function merged(request: Request, other: Recipe): Request {
  other.validate()
  return withRecipe(request, recipeOf(request).merge(other))
}

function recipeOf({ message }: Request): Recipe {
  const recipe = itemAtKey(message, 'recipe')
  return recipe instanceof Recipe ? recipe : new Recipe(recipe as RecipeSource | null)
}

function withRecipe({ message, parameters }: Request, recipe: Recipe): Request {
  if (message instanceof Map) message.set('recipe', recipe)
  else (message as Changeable).recipe = recipe // a copy made for the filters
  return { message, parameters }
}

/** Names that lead out of the directory are refused, even if such a file exists. */
function fileOf(name: string, directory: unknown): string {
  if (typeof directory !== 'string' || directory === '') {
    throw refusal('the site names no zocalo.recipe_directory, so no recipe can be loaded by name')
  }
  const folder = resolve(directory)
  const file = resolve(folder, `${name}.json`)
  const way = relative(folder, file)
  const isInside = way !== '' && !way.startsWith('..') && !isAbsolute(way) && !isAbsolute(name)
  if (isInside && !name.includes('\0')) return file
  throw refusal(
    `the recipe name ${JSON.stringify(name.slice(0, LONGEST_NAME))} leads out of the recipe directory`,
  )
}

async function recipeText(file: string, name: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw refusal(
      `there is no recipe "${name.slice(0, LONGEST_NAME)}" in the recipe directory`,
      cause,
    )
  }
}

const LONGEST_NAME = 200

function refusal(message: string, cause?: unknown): RecipeError {
  return new RecipeError(message, {
    stage: 'load',
    category: 'request-refused',
    pythonClass: 'ValueError',
    cause,
  })
}
