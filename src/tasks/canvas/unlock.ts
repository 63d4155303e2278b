import { fromWireOptions } from '../../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { type ResultTuple, tupleOfNode } from '../../results/result-node.ts'
import type { Publisher } from '../calls/publisher.ts'
import { frozenNode } from './frozen-node.ts'

/** The task that waits for a chord's header; every worker offers it (Celery's own name and arguments). */
export const CHORD_UNLOCK = 'celery.chord_unlock'

/** Publishes it for a chord whose members are signatures with their ids fixed. */
export async function publishUnlock(
  publisher: Publisher,
  {
    groupId,
    body,
    members,
  }: {
    readonly groupId: string
    readonly body: SignatureDict
    readonly members: readonly SignatureDict[]
  },
): Promise<void> {
  const results = members.map((member) => tupleOfNode(frozenNode(member, null)))
  await publishUnlockOf(publisher, { groupId, body, results })
}

/** The same for members by their results; it goes where the body goes. */
export async function publishUnlockOf(
  publisher: Publisher,
  {
    groupId,
    body,
    results,
  }: {
    readonly groupId: string
    readonly body: SignatureDict
    readonly results: readonly ResultTuple[]
  },
): Promise<void> {
  const {
    queue,
    exchange,
    routingKey,
    headers,
    priority = null,
  } = fromWireOptions(body.options).options
  await publisher.publish({
    task: CHORD_UNLOCK,
    args: [groupId, body],
    kwargs: { interval: null, max_retries: null, result: results },
    // Its result is not read.
    isMember: true,
    options: {
      countdown: 1,
      ignoreResult: true,
      priority: typeof priority === 'number' ? priority : null,
      ...(typeof queue === 'string' ? { queue } : {}),
      ...(typeof exchange === 'string' ? { exchange } : {}),
      ...(typeof routingKey === 'string' ? { routingKey } : {}),
      ...(headers === undefined ? {} : { headers }),
    },
  })
}
