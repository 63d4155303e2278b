import { randomUUID } from 'node:crypto'
import { defined, type SignatureOptions } from '../../protocol/signature-tree/options.ts'
import { endOf, flatMembers } from '../../protocol/signature-tree/parts.ts'
import type { CallOptions } from '../../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { noteChild } from '../calls/current-request.ts'
import type { Publisher, Started } from '../calls/publisher.ts'
import type { Opening } from './inherited.ts'

/** Publishes every member under one group id, numbered in order. */
export async function startGroup(
  publisher: Publisher,
  group: SignatureDict,
  opening: Opening,
): Promise<Started> {
  const { args, kwargs, end, extra, isMember } = opening
  const groupId = end.taskId ?? randomUUID()
  const shared = memberOptions(opening)
  const members = await Promise.all(
    flatMembers(group).map(async (member, groupIndex) =>
      publisher.start(member, {
        args,
        kwargs,
        options: { ...shared, ...placeOf(member, { groupId, groupIndex }) },
        extra,
        isMember: true,
        isPart: true,
      }),
    ),
  )
  const started = { id: groupId, members, parent: null }
  if (!isMember) noteChild(started)
  return started
}

/**
 * The options of a group are those of each of its members, over their own, as in Celery: callbacks, errbacks and the steps
 * behind it among them.
 */
export function memberOptions({
  call,
  link,
  linkError,
  chain,
  end: { chord },
}: SignatureOptions): CallOptions {
  return {
    ...call,
    ...(link.length === 0 ? {} : { link }),
    ...(linkError.length === 0 ? {} : { linkError }),
    ...defined<CallOptions>({ chain, chord }),
  }
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
