import { AsyncResult, type AsyncResultOptions } from '../../results/async-result.ts'
import { GroupResult } from '../../results/group-result.ts'
import type { ResultNode } from '../../results/result-node.ts'
import { nodeOfTuple, resultOf } from '../../results/result-of.ts'

/** Makes the results of an app's calls: they read its store and can revoke tasks at its workers. */
export class AppResults {
  readonly #options: AsyncResultOptions

  constructor(options: Required<Pick<AsyncResultOptions, 'store' | 'revoke'>>) {
    this.#options = { ...options, resultOf: (node) => resultOf(node, options) }
  }

  ofTask<Value>(taskId: string, taskName?: string): AsyncResult<Value> {
    const named = taskName === undefined ? {} : { taskName }
    return new AsyncResult<Value>(taskId, { ...this.#options, ...named })
  }

  /** The code that starts it knows what its value is. */
  of<Value>(node: ResultNode): AsyncResult<Value> {
    return resultOf(node, this.#options) as AsyncResult<Value>
  }

  ofGroup<Value>(node: ResultNode): GroupResult<Value> {
    const result = this.of(node)
    // A group of one may be started as that one.
    return result instanceof GroupResult
      ? result
      : new GroupResult<Value>(node.id, [result as AsyncResult<Value>], this.#options)
  }

  ofSavedGroup<Value>(groupId: string, memberIds: readonly string[]): GroupResult<Value> {
    return new GroupResult<Value>(groupId, memberIds, this.#options)
  }

  ofTuple(tuple: unknown): AsyncResult {
    return this.of(nodeOfTuple(tuple))
  }
}
