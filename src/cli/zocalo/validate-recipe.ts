import type { Command } from 'commander'
import { pythonRepr } from '../../codecs/python/python-text.ts'
import { print, printError } from '../output/output.ts'
import { recipeProblem } from '../recipe/read-recipe.ts'

const EXAMPLES = `
The same as "recipe check", with a list of the bad files at the end.

Examples:
  celery-toolbox validate-recipe recipes/*.json`

export function addValidateRecipe(program: Command): void {
  program
    .command('validate-recipe')
    .description('check recipes (Zocalo: workflows.validate_recipe)')
    .argument('<file...>', 'recipes in JSON')
    .addHelpText('after', EXAMPLES)
    .action((files: readonly string[]) => {
      const bad = files.filter((file) => {
        const problem = recipeProblem(file)
        if (problem !== null) printError(problem)
        return problem !== null
      })
      if (bad.length === 0) return
      print(`Errors found in the following recipes: ${pythonRepr(bad)}`)
      process.exitCode = 1
    })
}
