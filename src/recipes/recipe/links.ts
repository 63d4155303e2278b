import { isWholeNumber } from '../../codecs/numbers.ts'
import { entriesOf, isDict, orderedDict } from '../../codecs/ordered-dict.ts'
import { pythonStr } from '../../codecs/python/python-text.ts'
import { RecipeError } from '../../errors.ts'

/** A node number. It is a bigint only beyond 2^53. */
export type NodeNumber = number | bigint

/**
 * The nodes that an `output` or `error` points to, in order: null, a number, a list of numbers, or an object of
 * those. True is node 1 and false node 0, as in Python, where booleans are numbers.
 */
export function linkedNodes(links: unknown): NodeNumber[] {
  if (links === null || links === undefined) return []
  const single = nodeNumber(links)
  if (single !== null) return [single]
  if (Array.isArray(links)) return links.map((item) => nodeNumber(item) ?? invalidLink(links))
  if (isDict(links)) return entriesOf(links).flatMap(([, value]) => linkedNodes(value))
  return invalidLink(links)
}

export function nodeNumber(value: unknown): NodeNumber | null {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'bigint') return value
  return typeof value === 'number' && isWholeNumber(value) ? value : null
}

/** The same links, each number replaced. */
export function mappedLinks(links: unknown, translate: (node: NodeNumber) => NodeNumber): unknown {
  const single = nodeNumber(links)
  if (single !== null) return translate(single)
  if (Array.isArray(links)) return links.map((item) => mappedLinks(item, translate))
  if (!isDict(links)) return links
  const entries = entriesOf(links).map(([name, value]): [string, unknown] => [
    name,
    mappedLinks(value, translate),
  ])
  return orderedDict(entries)
}

function invalidLink(links: unknown): never {
  throw new RecipeError(
    `Invalid recipe: Invalid link in recipe (${pythonStr(links).slice(0, 200)}); ` +
      'expected a node number, a list of node numbers, or an object of those',
    { stage: 'validate', category: 'invalid-link', pythonClass: 'workflows.Error' },
  )
}
