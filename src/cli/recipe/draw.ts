import type { Command } from 'commander'
import { drawMermaid } from '../../graph/draw-mermaid.ts'
import { drawSvg } from '../../graph/draw-svg.ts'
import { drawText } from '../../graph/draw-text.ts'
import { nodeLabel, recipeGraph } from '../../recipes/recipe/recipe-graph.ts'
import { MERMAID, SVG } from '../options/common-options.ts'
import { print } from '../output/output.ts'
import { readRecipe } from './read-recipe.ts'

interface DrawOptions {
  readonly svg?: boolean
  readonly mermaid?: boolean
}

const EXAMPLES = `
Examples:
  celery-toolbox recipe draw recipe.json
  celery-toolbox recipe draw recipe.json --svg > recipe.svg`

export function addRecipeDraw(recipe: Command): void {
  recipe
    .command('draw')
    .description('draw a recipe: which node sends to which')
    .argument('<file>', 'a recipe in JSON')
    .option(...SVG)
    .option(...MERMAID)
    .addHelpText('after', EXAMPLES)
    .action((file: string, options: DrawOptions) => {
      print(drawing(file, options))
    })
}

function drawing(file: string, options: DrawOptions): string {
  const recipe = readRecipe(file)
  recipe.validate()
  const graph = recipeGraph(recipe)
  const label = (node: string) => nodeLabel(recipe, node)
  if (options.svg === true) return drawSvg(graph, { label, title: file })
  return options.mermaid === true ? drawMermaid(graph, { label }) : drawText(graph, { label })
}
