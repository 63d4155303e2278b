import { randomUUID } from 'node:crypto'
import type { SignatureDict } from '../../protocol/task-request.ts'
import { noteChild } from '../current-request.ts'
import type { Publisher, Started, StartWith } from '../publisher.ts'
import { flatMembers } from './dicts.ts'

/** Publishes every member under one group id, numbered in order. */
export async function startGroup(
  publisher: Publisher,
  group: SignatureDict,
  { args = [], kwargs = {}, options = {}, isMember = false }: StartWith,
): Promise<Started> {
  const { taskId, ...shared } = options
  const groupId = taskId ?? String(group.options.task_id ?? randomUUID())
  const members = await Promise.all(
    flatMembers(group).map(async (member, groupIndex) =>
      publisher.start(member, {
        args,
        kwargs,
        options: { ...shared, groupId, groupIndex },
        isMember: true,
      }),
    ),
  )
  const started = { id: groupId, members, parent: null }
  if (!isMember) noteChild(started)
  return started
}
