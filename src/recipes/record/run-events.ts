import { type Dict, isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { textOf } from '../../text-of-error.ts'
import { Recipe, type RecipeSource } from '../recipe/recipe.ts'
import { recipeGraph } from '../recipe/recipe-graph.ts'
import { messageId } from './message-id.ts'

/** What happened to a run, or to one of its steps, under the names of Celery's events. */
export interface RunEvent {
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface StepFields extends Readonly<Record<string, unknown>> {
  readonly uuid: string
  readonly root_id: string
  readonly path: readonly unknown[]
}

/** Null for what is no message of a run with an id. */
export function fieldsOf(message: unknown): StepFields | null {
  if (!isDict(message)) return null
  const environment = itemAtKey(message, 'environment')
  const id = isDict(environment) ? itemAtKey(environment, 'ID') : undefined
  if (typeof id !== 'string' || id === '') return null
  const pointer = itemAtKey(message, 'recipe-pointer')
  const path = itemAtKey(message, 'recipe-path')
  const step = stepOf(message, pointer)
  const queue =
    step === null ? null : (itemAtKey(step, 'queue') ?? itemAtKey(step, 'topic') ?? null)
  const service = step === null ? null : itemAtKey(step, 'service')
  return {
    uuid: messageId(message),
    root_id: id,
    name: textOf(service ?? queue ?? `node ${textOf(pointer)}`),
    node: nodeOf(pointer),
    queue,
    path: Array.isArray(path) ? path.map(nodeOf) : [],
  }
}

/** The number of a node, which some write as text. */
function nodeOf(pointer: unknown): number {
  return Number(textOf(pointer))
}

function stepOf(message: Dict, pointer: unknown): Dict | null {
  const recipe = itemAtKey(message, 'recipe')
  const nodes: unknown = recipe instanceof Recipe ? recipe.recipe : recipe
  const step = isDict(nodes) ? itemAtKey(nodes, textOf(pointer)) : undefined
  return isDict(step) ? step : null
}

/** The run's root, with its graph. */
export function dispatched(message: unknown, id: string): RunEvent {
  const source = isDict(message) ? itemAtKey(message, 'recipe') : null
  const recipe = new Recipe(source as RecipeSource) // as the wrapper sends it
  const { nodes, edges } = graphOf(recipe)
  return {
    type: 'recipe-dispatched',
    fields: stamped({ uuid: id, root_id: id, name: 'recipe', nodes, edges }),
  }
}

function graphOf(recipe: Recipe): { nodes: readonly unknown[]; edges: readonly unknown[] } {
  const graph = recipeGraph(recipe)
  return { nodes: [...graph.nodes()], edges: [...graph.edges()] }
}

let last = 0

/** Seconds, later than the event before it. */
export function stamped<Fields extends object>(
  fields: Fields,
): Fields & { readonly timestamp: number } {
  last = Math.max(Date.now() / 1000, last + 1e-6)
  return { ...fields, timestamp: last }
}
