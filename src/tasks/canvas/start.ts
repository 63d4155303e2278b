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
import { CHUNKS, chunksGroup, mappedTask } from './maps.ts'

/** Starts a signature of any kind: a task, a chain, a group or a chord. */
export async function startSignature(
  publisher: Publisher,
  signature: SignatureDict,
  startWith: StartWith = {},
): Promise<Started> {
  const read = readSignature(signature)
  // A single task has its options anyway.
  const isWorkflow = isChain(read) || isChord(read)
  const dict = isWorkflow ? inheriting(read, startWith.options) : read
  if (isChain(dict)) return await startChain(publisher, dict, startWith)
  if (isGroup(dict)) return await startGroup(publisher, dict, startWith)
  if (isChord(dict)) return await startChord(publisher, dict, startWith)
  if (dict.task === CHUNKS) return await startGroup(publisher, chunksGroup(dict), startWith)
  return await startTask(publisher, dict, startWith)
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
