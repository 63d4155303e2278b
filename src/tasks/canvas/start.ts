import { fromWireOptions } from '../../protocol/call-options.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import { taskNode } from '../../results/result-node.ts'
import type { Publisher, Started, StartWith } from '../publisher.ts'
import { startChain } from './chain.ts'
import { startChord } from './chord.ts'
import { isChain, isChord, isGroup } from './dicts.ts'
import { startGroup } from './group.ts'
import { inheriting } from './inherited.ts'
import { mappedTask, unchunked } from './maps.ts'
import { ownOptions } from './own-options.ts'

/** Starts a signature of any kind: a task, a chain, a group or a chord. */
export async function startSignature(
  publisher: Publisher,
  signature: SignatureDict,
  startWith: StartWith = {},
): Promise<Started> {
  const dict = unchunked(readSignature(signature))
  if (isChain(dict)) return await startChain(publisher, ...opened(dict, startWith))
  if (isGroup(dict)) return await startGroup(publisher, ...opened(dict, startWith))
  if (isChord(dict)) return await startChord(publisher, ...opened(dict, startWith))
  return await startTask(publisher, dict, startWith)
}

/** A workflow whose tasks have been given the headers and priority of the whole, and how else it is started. */
function opened(workflow: SignatureDict, startWith: StartWith): [SignatureDict, StartWith] {
  const { headers, priority, ...others } = { ...ownOptions(workflow), ...startWith.options }
  // Null is no priority at all, which a task may be told.
  const options = priority === null ? { ...others, priority } : others
  return [inheriting(workflow, { headers, priority }), { ...startWith, options }]
}

/** Publishes a plain task: arguments handed on go before its own, unless it is immutable. */
async function startTask(
  publisher: Publisher,
  dict: SignatureDict,
  { args = [], kwargs = {}, options = {}, isMember = false }: StartWith,
): Promise<Started> {
  const own = fromWireOptions(dict.options)
  const routeAs = mappedTask(dict)
  const taskId = await publisher.publish({
    task: dict.task,
    args: dict.immutable ? dict.args : [...args, ...dict.args],
    kwargs: dict.immutable ? dict.kwargs : { ...dict.kwargs, ...kwargs },
    options: { ...own.options, ...options },
    extra: own.extra,
    isFromSignature: true,
    isMember,
    ...(routeAs === undefined ? {} : { routeAs }),
  })
  return taskNode(taskId)
}
