import { exactInteger } from '../../codecs/numbers.ts'
import {
  copied,
  entriesOf,
  hasKey,
  isDict,
  OrderedMap,
  orderedDict,
} from '../../codecs/ordered-dict.ts'
import { RecipeError } from '../../errors.ts'
import { mappedLinks, type NodeNumber, nodeNumber } from './links.ts'
import type { RecipeNodes } from './load.ts'
import { validateNodes } from './validate.ts'

/**
 * All nodes of both recipes. Those of the second get new numbers, counting up from the highest of the first; its
 * links, start entries and error nodes follow. Neither recipe is changed.
 */
export function mergedNodes(first: RecipeNodes, second: RecipeNodes): RecipeNodes {
  if (second.size === 0) return structuredNodes(first)
  if (first.size === 0) return structuredNodes(second)
  checked(first)
  checked(second)
  const merged = structuredNodes(first)
  const other = structuredNodes(second)
  const numbers = newNumbers(first, other)
  const translate = (node: NodeNumber) => numbers.get(String(node)) ?? node
  for (const [key, number] of numbers) {
    merged.set(String(number), relinked(other.get(key), translate))
  }
  merged.set('start', [...pairsOf(merged), ...pairsOf(other).map((pair) => moved(pair, translate))])
  joinErrors(merged, other, translate)
  return merged
}

function checked(nodes: RecipeNodes): void {
  try {
    validateNodes(nodes)
  } catch (cause) {
    if (!(cause instanceof RecipeError)) throw cause
    throw new RecipeError(cause.message, { ...faultOf(cause), stage: 'merge', cause })
  }
}

function faultOf(error: RecipeError) {
  const { category, pythonClass, node, path, backTo, position } = error
  return { category, pythonClass, node, path, backTo, position }
}

function newNumbers(first: RecipeNodes, second: RecipeNodes): ReadonlyMap<string, NodeNumber> {
  const taken = numericKeys(first).reduce(
    (highest, key) => (BigInt(key) > highest ? BigInt(key) : highest),
    1n,
  )
  return new Map(
    numericKeys(second).map((key, index) => [key, exactInteger(taken + 1n + BigInt(index))]),
  )
}

function numericKeys(nodes: RecipeNodes): string[] {
  return [...nodes.keys()].filter((key) => key !== 'start' && key !== 'error')
}

function relinked(entry: unknown, translate: (node: NodeNumber) => NodeNumber): unknown {
  if (!isDict(entry) || !(hasKey(entry, 'output') || hasKey(entry, 'error'))) return entry
  return orderedDict(
    entriesOf(entry).map(([key, value]) => [
      key,
      key === 'output' || key === 'error' ? mappedLinks(value, translate) : value,
    ]),
  )
}

function pairsOf(nodes: RecipeNodes): readonly unknown[] {
  const start = nodes.get('start')
  return Array.isArray(start) ? start : []
}

function moved(pair: unknown, translate: (node: NodeNumber) => NodeNumber): unknown {
  if (!Array.isArray(pair)) return pair
  const node = nodeNumber(pair[0])
  return [node === null ? pair[0] : translate(node), pair[1]]
}

function joinErrors(
  merged: RecipeNodes,
  other: RecipeNodes,
  translate: (node: NodeNumber) => NodeNumber,
): void {
  if (!other.has('error')) return
  const theirs = mappedLinks(other.get('error'), translate)
  merged.set(
    'error',
    merged.has('error') ? [listed(merged.get('error')), listed(theirs)].flat() : theirs,
  )
}

function listed(error: unknown): unknown[] {
  return Array.isArray(error) ? error : [error]
}

/** A copy that shares nothing with the original. */
export function structuredNodes(nodes: RecipeNodes): RecipeNodes {
  return new OrderedMap([...nodes].map(([key, value]) => [key, copied(value)]))
}
