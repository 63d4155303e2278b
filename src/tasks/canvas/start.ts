import { randomUUID } from 'node:crypto'
import { MOST_AT_ONCE, mapSome } from '../../async/map-some.ts'
import { kindOf, mappedTask, unchunked } from '../../protocol/signature-tree/kinds.ts'
import { memberOptions, optionsOf } from '../../protocol/signature-tree/options.ts'
import { checkBounds, endOf, flatMembers } from '../../protocol/signature-tree/parts.ts'
import { readSignature } from '../../protocol/signatures.ts'
import { type CallOptions, fromWireOptions } from '../../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { taskNode } from '../../results/result-node.ts'
import { noteChild } from '../calls/current-request.ts'
import type { Opening, Publisher, Started, StartWith } from '../calls/publisher.ts'
import type { CallInput } from '../calls/task-call.ts'
import { inheriting, withSplitBody } from './rewrite.ts'
import { startChain } from './start-chain.ts'
import { startChord } from './start-chord.ts'

/** Starts a signature of any kind: a task, a chain, a group or a chord. */
export async function startSignature(
  publisher: Publisher,
  signature: SignatureDict,
  startWith: StartWith = {},
): Promise<Started> {
  const dict = unchunked(readSignature(signature))
  if (startWith.isPart !== true) checkBounds(dict)
  const links = { isOnHeader: publisher.linksChordHeaders }
  switch (kindOf(dict)) {
    case 'chain':
      return await startChain(publisher, ...opened(dict, startWith))
    case 'group':
      return await startGroup(publisher, ...opened(dict, startWith))
    case 'chord':
      return await startChord(publisher, ...opened(withSplitBody(dict, links), startWith))
    default:
      return startTask(publisher, dict, startWith) // not awaited: this would be kept until then
  }
}

/** A workflow whose tasks have been given the headers and priority of the whole, and how else it is started. */
function opened(
  workflow: SignatureDict,
  { args = [], kwargs = {}, isMember = false, extra, ...startWith }: StartWith,
): [SignatureDict, Opening] {
  const options = optionsOf(workflow, startWith.options)
  const { headers, priority } = options.inherited
  const given = workflow.immutable ? [] : args
  const opening = {
    ...options,
    // Null is no priority at all, which a task may be given.
    call: priority === null ? { ...options.call, priority } : options.call,
    extra: { ...extra, ...options.extra },
    args: [...given, ...workflow.args],
    kwargs,
    isMember,
  }
  return [inheriting(workflow, { headers, priority }), opening]
}

/** Publishes a plain task. Not async, as a group may have a hundred thousand, each in as little as can be. */
function startTask(
  publisher: Publisher,
  dict: SignatureDict,
  startWith: StartWith,
): Promise<Started> {
  return publisher.publish(callOf(dict, startWith)).then((taskId) => taskNode(taskId))
}

/** Arguments handed on go before its own, unless it is immutable. */
function callOf(
  dict: SignatureDict,
  { args = [], kwargs = {}, options = {}, extra = {}, isMember = false }: StartWith,
): CallInput {
  const own = fromWireOptions(dict.options)
  const chain = chainOf(own.options, options)
  // Stamps it has already stay, as in Celery.
  const { stampedHeaders = options.stampedHeaders } = own.options
  const routeAs = mappedTask(dict)
  return {
    task: dict.task,
    args: dict.immutable ? dict.args : [...args, ...dict.args],
    kwargs: dict.immutable ? dict.kwargs : { ...dict.kwargs, ...kwargs },
    options: {
      ...own.options,
      ...options,
      ...(chain === undefined ? {} : { chain }),
      ...(stampedHeaders === undefined ? {} : { stampedHeaders }),
    },
    extra: { ...extra, ...own.extra },
    isFromSignature: true,
    isMember,
    ...(routeAs === undefined ? {} : { routeAs }),
  }
}

/** The steps behind it, those of the call last: the LAST one in the list is the next. */
function chainOf(own: CallOptions, called: CallOptions): CallOptions['chain'] {
  if (own.chain === undefined || called.chain === undefined) return called.chain ?? own.chain
  return [...called.chain, ...own.chain]
}

/** Publishes every member under one group id, numbered in order. */
async function startGroup(
  publisher: Publisher,
  group: SignatureDict,
  opening: Opening,
): Promise<Started> {
  const { args, kwargs, end, extra, isMember } = opening
  const groupId = end.taskId ?? randomUUID()
  const shared = memberOptions(opening)
  const members = await mapSome(flatMembers(group), MOST_AT_ONCE, (member, groupIndex) =>
    publisher.start(member, {
      args,
      kwargs,
      options: { ...shared, ...placeOf(member, { groupId, groupIndex }) },
      extra,
      isMember: true,
      isPart: true,
    }),
  )
  const [only, ...others] = members
  // One member that is a group has the whole result, as in Celery.
  const isThatOne = only !== undefined && others.length === 0 && only.members !== null
  const started = isThatOne ? only : { id: groupId, members, parent: null }
  if (!isMember) noteChild(started)
  return started
}

/**
 * A place that a member knows already stays, as in Celery: a group that is part of a chord's member counts for that chord, and
 * the members of a body say which header they come after.
 */
function placeOf(member: SignatureDict, inGroup: CallOptions): CallOptions {
  const { group_id, group_index } = endOf(member).options
  if (typeof group_id !== 'string') return inGroup
  return typeof group_index === 'number'
    ? { groupId: group_id, groupIndex: group_index }
    : { ...inGroup, groupId: group_id }
}
