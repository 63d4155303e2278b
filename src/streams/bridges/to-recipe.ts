import { randomUUID } from 'node:crypto'
import { LinkPublisher } from '../parts/publisher.ts'

/** A transport of recipes, by what is called of it. */
export interface RecipeTransport {
  send(destination: string, message: unknown, options?: { readonly headers?: object }): unknown
}

/** A recipe: its nodes by number, and where it starts. */
export interface RecipeDefinition {
  readonly start: readonly (readonly [pointer: number | string, payload?: unknown])[]
  readonly [node: string]: unknown
}

/** Starts a recipe for each result, which is the payload of its first steps: python-workflows' wrapped message. */
export function toRecipe(
  transport: RecipeTransport,
  recipe: RecipeDefinition | { readonly recipe: RecipeDefinition },
): LinkPublisher {
  const definition = 'recipe' in recipe ? (recipe.recipe as RecipeDefinition) : recipe
  return new LinkPublisher('recipe', () => ({
    publish: async (message, { headers }) => {
      const environment = { ID: randomUUID() }
      for (const [pointer] of definition.start) {
        const node = definition[String(pointer)] as { readonly queue?: string } | undefined
        if (node?.queue === undefined) {
          throw new TypeError(`recipe: the start node ${pointer} has no queue`)
        }
        const wrapped = {
          payload: message,
          recipe: definition,
          'recipe-pointer': Number(pointer),
          'recipe-path': [],
          environment,
        }
        await transport.send(node.queue, wrapped, {
          headers: { ...headers, 'workflows-recipe': 'True' },
        })
      }
    },
  }))
}
