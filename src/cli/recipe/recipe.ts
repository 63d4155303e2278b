import type { Command } from 'commander'
import { addRecipeCheck } from './check.ts'
import { addRecipeDraw } from './draw.ts'
import { addRecipeResume } from './resume.ts'
import { addRecipeSchema } from './schema.ts'
import { addRecipeTry } from './try.ts'

export function addRecipe(program: Command): void {
  const recipe = program
    .command('recipe')
    .description('recipes of Zocalo: check them, draw them, see what they would send')
  addRecipeCheck(recipe)
  addRecipeDraw(recipe)
  addRecipeTry(recipe)
  addRecipeSchema(recipe)
  addRecipeResume(recipe)
}
