import { createHash, randomUUID } from 'node:crypto'
import { encodeJson } from '../../codecs/json/json.ts'
import { kindOf } from '../../protocol/signature-tree/kinds.ts'
import { withOptions } from '../../protocol/signature-tree/options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { type ResultTuple, tupleOfNode } from '../../results/result-node.ts'
import type { App } from '../../tasks/app/app.ts'
import { frozen, frozenNode } from '../../tasks/canvas/freeze.ts'
import { isCalledHere } from './errbacks.ts'

/** The errbacks of something that never ran, with the ids of their calls fixed, so that its result can name them first. */
export interface ErrbackPlan {
  readonly errbacks: readonly SignatureDict[]
  /** The group that the ones to be published form. */
  readonly groupId: string
  readonly children: readonly ResultTuple[]
}

/** A member that failed, and the ids of what was called because of it. */
export interface CalledFor {
  readonly taskId: string
  readonly ids: ReadonlySet<string>
}

/** Those that were called already for the member that failed are left out. */
export function planErrbacks(
  app: App,
  errbacks: readonly SignatureDict[],
  { taskId, called }: { readonly taskId: string; readonly called: CalledFor | undefined },
): ErrbackPlan {
  const groupId = randomUUID()
  const planned = errbacks
    .filter((errback) => !(called?.ids.has(callId(errback, called.taskId)) ?? false))
    .map((errback) => frozen(withCallId(errback, taskId), { replyTo: app.replyTo }))
  const sent = planned.filter((errback) => !isCalledHere(app, errback))
  const members = sent.map((errback) => frozenNode(errback, null))
  const children = sent.length === 0 ? [] : [tupleOfNode({ id: groupId, members, parent: null })]
  return { errbacks: planned, groupId, children }
}

/** Its own id, or one derived from what failed and what is called, so that a second call has another id. */
function withCallId(errback: SignatureDict, failedId: string): SignatureDict {
  return kindOf(errback) === 'task'
    ? withOptions(errback, { task_id: callId(errback, failedId) })
    : errback
}

function callId(errback: SignatureDict, failedId: string): string {
  const { task_id: own } = errback.options
  if (typeof own === 'string' && own !== '') return own
  const hash = createHash('sha256')
    .update(`${failedId} ${jsonOf(errback)}`)
    .digest('hex')
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ].join('-')
}

function jsonOf(errback: SignatureDict): string {
  try {
    return encodeJson(errback)
  } catch {
    // From a message in another form, of what JSON has none for.
    return randomUUID()
  }
}
