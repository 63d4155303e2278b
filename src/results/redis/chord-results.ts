import type { ResultError } from '../../errors.ts'
import { exceptionFromMeta } from '../../protocol/results/exceptions.ts'
import { isExceptionState, isReady } from '../../protocol/results/states.ts'
import type { TaskResult } from '../../protocol/results/task-result.ts'
import { showValue } from '../../protocol/show-value.ts'
import { unreadableMember, unreadableResult } from '../failures.ts'
import { nestedResult, type ResultNode } from '../result-node.ts'
import type { ResultText } from '../result-text.ts'
import { resultTree } from '../saved-group.ts'
import { isWrongType, type RedisConnection } from './connecting/connection.ts'
import { type ChordKeys, placeOfKey } from './keys.ts'

interface MemberSource {
  readonly connection: RedisConnection
  readonly text: ResultText
  /** A result by its task's id, for those that no member entry holds. */
  readonly read: (taskId: string) => Promise<TaskResult>
  readonly isOrdered: boolean
}

/**
 * The results of a chord's header in order; a member that is a group itself has the list of its members' values. What cannot be
 * read counts as a member that failed, so that the body fails with the reason.
 */
export async function readMembers(
  chord: ChordKeys,
  source: MemberSource,
): Promise<readonly TaskResult[]> {
  const { connection, text } = source
  const entries = await connection.run((redis) =>
    source.isOrdered
      ? redis.zrangeBuffer(chord.members, 0, -1)
      : redis.lrangeBuffer(chord.members, 0, -1),
  )
  const [results, header] = await Promise.all([
    Promise.all(entries.map((entry) => memberResult(entry, chord, text))),
    savedHeader(chord, source).catch((error: unknown) => unreadableMember(UNKNOWN, error)),
  ])
  if (header !== null && 'status' in header) return [header]
  // Saved by the publisher where a member is a group; the entries alone would list its members one by one.
  if (!header?.members?.some(({ members }) => members !== null)) return results
  const byId = new Map(results.map((result) => [result.taskId, result]))
  const read = async (taskId: string) => byId.get(taskId) ?? (await readResult(taskId, source))
  return await Promise.all(header.members.map((member) => nestedResult(member, read)))
}

const UNKNOWN = '(unknown)'

async function memberResult(
  entry: Buffer,
  { members }: ChordKeys,
  text: ResultText,
): Promise<TaskResult> {
  try {
    return resultOfEntry(await text.decodeValue(entry))
  } catch (cause) {
    return unreadableMember(UNKNOWN, unreadableResult(UNKNOWN, cause, placeOfKey(members)))
  }
}

/** The entry is Python's, or ours: `[1, id, state, result]`. */
function resultOfEntry(entry: unknown): TaskResult {
  const [, taskId, status, result = null]: unknown[] = Array.isArray(entry) ? entry : []
  if (typeof taskId !== 'string' || typeof status !== 'string' || !isReady(status))
    throw new TypeError(`a member is ${showValue(entry)}, expected [1, id, final state, result]`)
  return {
    taskId,
    status,
    result: isExceptionState(status) && result !== null ? exceptionFromMeta(result) : result,
    traceback: null,
    dateDone: null,
  }
}

async function readResult(taskId: string, { read }: MemberSource): Promise<TaskResult> {
  try {
    return await read(taskId)
  } catch (error) {
    return unreadableMember(taskId, error)
  }
}

/** Null where none is saved. */
async function savedHeader(
  { group }: ChordKeys,
  { connection, text }: MemberSource,
): Promise<ResultNode | null> {
  const saved = await connection
    .run((redis) => redis.getBuffer(group))
    .catch((cause: unknown) => {
      throw isWrongType(cause) ? unreadableHeader(group, cause) : cause
    })
  if (saved === null) return null
  try {
    const { result } = (await text.decodeValue(saved)) as { readonly result?: unknown }
    const tree = resultTree(result)
    if (tree !== null) return tree
    throw new TypeError(`the saved group is ${showValue(result)}, expected [[id, parent], members]`)
  } catch (cause) {
    throw unreadableHeader(group, cause)
  }
}

function unreadableHeader(group: string, cause: unknown): ResultError {
  return unreadableResult(UNKNOWN, cause, placeOfKey(group))
}
