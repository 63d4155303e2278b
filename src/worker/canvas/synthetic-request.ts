import { UNDELIVERED } from '../../protocol/tasks/decode-task.ts'
import type { SignatureDict, TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { Caller } from '../../tasks/calls/current-request.ts'

/** The request of a task that was never sent, for errbacks that take the request of the failed task. */
export function syntheticRequest(
  { task, args, kwargs }: SignatureDict,
  { id, rootId, priority }: Caller,
): TaskRequest {
  return {
    ...UNSENT,
    id,
    task,
    args,
    kwargs,
    rootId: rootId ?? id,
    priority,
    correlationId: id,
  }
}

const UNSENT = {
  protocol: 2,
  lang: 'js',
  serializer: 'json',
  headers: {},
  properties: {},
  deliveryInfo: UNDELIVERED,
  callbacks: null,
  errbacks: null,
  chain: null,
  chord: null,
  parentId: null,
  group: null,
  groupIndex: null,
  shadow: null,
  eta: null,
  expires: null,
  retries: 0,
  timeLimit: null,
  softTimeLimit: null,
  origin: null,
  argsrepr: null,
  kwargsrepr: null,
  ignoreResult: null,
  replacedTaskNesting: 0,
  stampedHeaders: null,
  stamps: {},
  replyTo: null,
} as const
