import { isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { Digraph } from '../../graph/digraph.ts'
import { linkedNodes } from './links.ts'
import type { Recipe } from './recipe.ts'

/** A valid recipe as a graph: `start`, then its nodes by number, as text. */
export function recipeGraph(recipe: Recipe): Digraph<string> {
  const graph = new Digraph<string>()
  graph.addNode('start')
  const start = recipe.recipe.get('start')
  for (const pair of Array.isArray(start) ? start : []) {
    graph.addEdge('start', String(Array.isArray(pair) ? Number(pair[0]) : pair))
  }
  for (const [key, node] of recipe.recipe) {
    if (!isDict(node)) continue
    graph.addNode(key)
    for (const target of linkedNodes(itemAtKey(node, 'output'))) graph.addEdge(key, String(target))
  }
  return graph
}

/** A node for people: `2 store → queue results, topic news`. */
export function nodeLabel(recipe: Recipe, key: string): string {
  const node = recipe.node(key)
  if (node === undefined) return key
  const service = itemAtKey(node, 'service')
  const targets = ['queue', 'topic']
    .map((kind) => ({ kind, name: itemAtKey(node, kind) }))
    .filter(({ name }) => typeof name === 'string' && name !== '')
    .map(({ kind, name }) => `${kind} ${name}`)
  const where = targets.length === 0 ? '' : ` → ${targets.join(', ')}`
  return `${key}${typeof service === 'string' ? ` ${service}` : ''}${where}`
}
