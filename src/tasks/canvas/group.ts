import { randomUUID } from 'node:crypto'
import type { CallOptions } from '../../protocol/call-options.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import { noteChild } from '../current-request.ts'
import type { Publisher, Started, StartWith } from '../publisher.ts'
import { flatMembers } from './dicts.ts'
import { endOptionsOf } from './freeze.ts'

/** Publishes every member under one group id, numbered in order. */
export async function startGroup(
  publisher: Publisher,
  group: SignatureDict,
  { args = [], kwargs = {}, options = {}, isMember = false }: StartWith,
): Promise<Started> {
  const { taskId, ...shared } = options
  const groupId = taskId || String(group.options.task_id || randomUUID())
  const members = await Promise.all(
    flatMembers(group).map(async (member, groupIndex) =>
      publisher.start(member, {
        args,
        kwargs,
        options: { ...shared, ...placeOf(member, { groupId, groupIndex }) },
        isMember: true,
      }),
    ),
  )
  const started = { id: groupId, members, parent: null }
  if (!isMember) noteChild(started)
  return started
}

/** A group that is part of a chord's member counts for that chord, if Python began it: its members know their place. */
function placeOf(member: SignatureDict, inGroup: CallOptions): CallOptions {
  const { group_id, group_index, chord } = endOptionsOf(member)
  if (typeof group_id !== 'string' || !isRecord(chord)) return inGroup
  return typeof group_index === 'number'
    ? { groupId: group_id, groupIndex: group_index }
    : { ...inGroup, groupId: group_id }
}
