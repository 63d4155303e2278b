import type { Command } from 'commander'
import { addRecipeCheck } from './recipe/check.ts'
import { addRecipeDraw } from './recipe/draw.ts'
import { addRecipeResume } from './recipe/resume.ts'
import { addRecipeSchema } from './recipe/schema.ts'
import { addRecipeTry } from './recipe/try.ts'

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
