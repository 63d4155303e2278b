import { ResultError } from '../errors.ts'
import { AsyncResult, type AsyncResultOptions } from './async-result.ts'
import { GroupResult } from './group-result.ts'
import type { ResultNode } from './result-node.ts'
import { resultTree } from './saved-group.ts'

/** The results that a tree names. */
export function resultOf(node: ResultNode, options: AsyncResultOptions): AsyncResult {
  const parent = node.parent === null ? null : resultOf(node.parent, options)
  const own: AsyncResultOptions = {
    ...options,
    parent,
    resultOf: (other) => resultOf(other, options),
  }
  if (node.members === null) return new AsyncResult(node.id, own)
  const members = node.members.map((member) => resultOf(member, options))
  return new GroupResult(node.id, members, own)
}

/** Reads what `asTuple()`, or Python's `as_tuple()`, gave. */
export function nodeOfTuple(tuple: unknown): ResultNode {
  const node = resultTree(tuple)
  if (node !== null) return node
  throw new ResultError(
    'RESULT_UNREADABLE',
    `${JSON.stringify(tuple) ?? String(tuple)} is not a result: expected [[id, parent], members]`,
  )
}
