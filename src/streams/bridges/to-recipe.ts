import { randomUUID } from 'node:crypto'
import { LinkPublisher } from '../parts/publisher.ts'

/** As transports of recipes have them. */
interface RecipeHeaders {
  readonly 'message-id'?: number
  readonly subscription?: number
  readonly [name: string]: unknown
}

interface RecipeSendOptions {
  readonly headers: RecipeHeaders
  readonly delay?: number
  readonly exchange?: string
}

/** A transport of recipes, by what is called of it. */
interface RecipeTransport {
  send(queue: string, message: unknown, options: RecipeSendOptions): unknown
  broadcast?(topic: string, message: unknown, options: RecipeSendOptions): unknown
}

type Nodes = ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>

/** A recipe as in JSON, or a `Recipe` of celery-toolbox/recipes. */
type RecipeDefinition = Nodes | { readonly recipe: ReadonlyMap<string, unknown> }

interface Start {
  readonly pointer: number
  readonly node: StartNode
}

/** What of a node says where its messages go. */
interface StartNode {
  readonly queue?: string
  readonly topic?: string
  readonly exchange?: string
  readonly 'transport-delay'?: number
}

/**
 * Starts a recipe for each result: the result is the payload of its start nodes, in the place of those that the recipe
 * has for them. Throws `TypeError` for a recipe that sends its start nowhere.
 */
export function toRecipe(transport: RecipeTransport, recipe: RecipeDefinition): LinkPublisher {
  const nodes = nodesOf(recipe)
  const starts = startsOf(nodes)
  return new LinkPublisher('recipe', () => ({
    publish: async (payload, { headers }) => {
      const environment = { ID: randomUUID() }
      for (const { pointer, node } of starts) {
        const message = {
          environment,
          payload,
          recipe: nodes,
          'recipe-path': [],
          'recipe-pointer': pointer,
        }
        await start(transport, { node, message, headers: { ...headers, 'workflows-recipe': true } })
      }
    },
  }))
}

async function start(
  transport: RecipeTransport,
  { node, message, headers }: { node: StartNode; message: unknown; headers: RecipeHeaders },
): Promise<void> {
  const { queue, topic, exchange, 'transport-delay': delay } = node
  const options = {
    headers,
    ...(delay !== undefined && { delay }),
    ...(exchange !== undefined && { exchange }),
  }
  if (queue) await transport.send(queue, message, options)
  if (topic) await transport.broadcast?.(topic, message, options)
}

function nodesOf(recipe: RecipeDefinition): Nodes {
  if (recipe instanceof Map) return recipe
  const { recipe: inside } = recipe as { readonly recipe?: unknown }
  return inside instanceof Map ? inside : (recipe as Nodes)
}

function startsOf(nodes: Nodes): readonly Start[] {
  const start = nodeOf(nodes, 'start')
  if (!Array.isArray(start)) throw new TypeError('recipe: "start" is missing')
  return start.map(([pointer]: readonly unknown[]) => {
    const node = nodeOf(nodes, String(pointer)) as StartNode | undefined
    if (node?.queue || node?.topic) return { pointer: Number(pointer), node }
    throw new TypeError(`recipe: the start node ${String(pointer)} has neither queue nor topic`)
  })
}

function nodeOf(nodes: Nodes, key: string): unknown {
  if (nodes instanceof Map) return nodes.get(key)
  return Object.hasOwn(nodes, key) ? (nodes as Readonly<Record<string, unknown>>)[key] : undefined
}
