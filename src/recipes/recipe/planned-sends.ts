import { entriesOf, isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { linkedNodes, type NodeNumber } from './links.ts'
import type { Recipe } from './recipe.ts'

/** A message that a recipe would send. */
export interface PlannedSend {
  /** The node that sends it, or `start`. */
  readonly from: string
  /** The name of the output; null for an unnamed one. */
  readonly output: string | null
  readonly node: string
  readonly kind: 'queue' | 'topic'
  readonly destination: string
  /** `delay` in seconds, `exchange`. */
  readonly options: Readonly<Record<string, unknown>>
  /** The start payload; absent for what services send. */
  readonly payload?: unknown
}

/** Every message of a run in which each service sends once to each of its outputs, in the recipe's order. */
export function plannedSends(recipe: Recipe): PlannedSend[] {
  const start = recipe.recipe.get('start')
  const first = (Array.isArray(start) ? start : []).flatMap(([target, payload]) =>
    sendsTo(recipe, target, { from: 'start', output: null }).map((send) => ({ ...send, payload })),
  )
  return [...first, ...[...recipe.recipe.keys()].flatMap((key) => sendsFrom(recipe, key))]
}

function sendsFrom(recipe: Recipe, key: string): PlannedSend[] {
  const node = recipe.node(key)
  if (node === undefined) return []
  const output = itemAtKey(node, 'output')
  const named: [string | null, unknown][] = isDict(output) ? entriesOf(output) : [[null, output]]
  return named.flatMap(([name, links]) =>
    linkedNodes(links).flatMap((target) => sendsTo(recipe, target, { from: key, output: name })),
  )
}

function sendsTo(
  recipe: Recipe,
  target: NodeNumber,
  from: Pick<PlannedSend, 'from' | 'output'>,
): PlannedSend[] {
  const node = recipe.node(target) ?? {}
  const delay = itemAtKey(node, 'transport-delay')
  const exchange = itemAtKey(node, 'exchange')
  const options = {
    ...(delay === undefined ? {} : { delay }),
    ...(exchange === undefined ? {} : { exchange }),
  }
  return (['queue', 'topic'] as const).flatMap((kind) => {
    const destination = itemAtKey(node, kind)
    if (typeof destination !== 'string' || destination === '') return []
    return [{ ...from, node: String(target), kind, destination, options }]
  })
}
