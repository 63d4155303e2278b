import type { Command } from 'commander'
import { RECIPE_SCHEMA } from '../../recipes/recipe/recipe-schema.ts'
import { printJson } from '../output/output.ts'

const EXAMPLES = `
Examples:
  celery-toolbox recipe schema > recipe.schema.json`

export function addRecipeSchema(recipe: Command): void {
  recipe
    .command('schema')
    .description('print the JSON Schema of recipes, for editors')
    .addHelpText('after', EXAMPLES)
    .action(() => printJson(RECIPE_SCHEMA))
}
