import { exceptionFromMeta } from '../../protocol/results/exceptions.ts'
import { isExceptionState } from '../../protocol/results/states.ts'
import type { TaskResult } from '../../protocol/results/task-result.ts'
import { nestedResult, type ResultNode } from '../result-node.ts'
import type { ResultText } from '../result-text.ts'
import { resultTree } from '../saved-group.ts'
import type { RedisConnection } from './connecting/connection.ts'
import type { ChordKeys } from './keys.ts'

interface MemberSource {
  readonly connection: RedisConnection
  readonly text: ResultText
  /** A result by its task's id, for those that no member entry holds. */
  readonly read: (taskId: string) => Promise<TaskResult>
  readonly isOrdered: boolean
}

/** The results of a chord's header in order; a member that is a group itself has the list of its members' values. */
export async function readMembers(
  chord: ChordKeys,
  source: MemberSource,
): Promise<readonly TaskResult[]> {
  const [entries, group] = await source.connection.run((redis) =>
    Promise.all([
      source.isOrdered
        ? redis.zrangeBuffer(chord.members, 0, -1)
        : redis.lrangeBuffer(chord.members, 0, -1),
      redis.getBuffer(chord.group),
    ]),
  )
  const results = await Promise.all(entries.map((entry) => memberResult(entry, source.text)))
  const header = group === null ? null : await savedHeader(group, source.text)
  // Saved by the publisher where a member is a group; the entries alone would list its members one by one.
  if (!header?.members?.some(({ members }) => members !== null)) return results
  const byId = new Map(results.map((result) => [result.taskId, result]))
  const read = async (taskId: string) => byId.get(taskId) ?? (await source.read(taskId))
  return await Promise.all(header.members.map((member) => nestedResult(member, read)))
}

async function memberResult(entry: Buffer, text: ResultText): Promise<TaskResult> {
  // The entry is Python's, or ours: `[1, id, state, result]`.
  const [, taskId, status, result] = (await text.decodeValue(entry)) as [1, string, string, unknown]
  return {
    taskId,
    status,
    result: isExceptionState(status) && result !== null ? exceptionFromMeta(result) : result,
    traceback: null,
    dateDone: null,
  }
}

async function savedHeader(saved: Buffer, text: ResultText): Promise<ResultNode | null> {
  const { result } = (await text.decodeValue(saved)) as { readonly result?: unknown }
  return resultTree(result)
}
