import type { Command } from 'commander'
import { printError } from '../output/output.ts'
import { recipeProblem } from './read-recipe.ts'

const EXAMPLES = `
Silent with exit code 0 where all recipes are valid; else every bad file is named, with exit code 1.

Examples:
  celery-toolbox recipe check recipes/*.json`

export function addRecipeCheck(recipe: Command): void {
  recipe
    .command('check')
    .description('check recipes: their JSON, their nodes, their links')
    .argument('<file...>', 'recipes in JSON')
    .addHelpText('after', EXAMPLES)
    .action((files: readonly string[]) => {
      const problems = files.map(recipeProblem).filter((problem) => problem !== null)
      for (const problem of problems) printError(problem)
      if (problems.length > 0) process.exitCode = 1
    })
}
