import { randomUUID } from 'node:crypto'
import { TaskError } from '../../errors.ts'
import { type CallOptions, dictsOf, toWireOptions } from '../../protocol/call-options.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import type { Publisher, Started, StartWith } from '../publisher.ts'
import {
  defined,
  flatMembers,
  groupDict,
  isChain,
  isGroup,
  taskIdOf,
  tasksOf,
  withOptions,
} from './dicts.ts'
import { frozen, withEndOptions, withTasks } from './freeze.ts'

/** The task that waits for a chord's header; every worker offers it (Celery's own name and arguments). */
export const CHORD_UNLOCK = 'celery.chord_unlock'

/**
 * Publishes the header's members, each of which knows the body. Where the result backend counts them, the last to finish
 * starts it; otherwise a task that waits for all of them is published first, as Celery does with its database backend.
 */
export async function startChord(
  publisher: Publisher,
  chord: SignatureDict,
  { args = [], options = {} }: StartWith,
): Promise<Started> {
  const header = randomUUID()
  const { chain, link, linkError, taskId, groupId, groupIndex, chord: outer, ...shared } = options
  const whole = defined<CallOptions>({
    chain,
    link,
    linkError,
    taskId,
    groupId,
    groupIndex,
    chord: outer,
  })
  const body = bodyOf(publisher, chord, { groupId: header, ...whole })
  const members = headerOf(chord).map((member) => frozen(member, publisher.replyTo))
  if (members.length === 0) return await publisher.start(body, { args: [[]] })
  const isCounted = await publisher.beginChord(header, members)
  if (!isCounted) await publishUnlock(publisher, { groupId: header, body, members })
  await Promise.all(
    members.map(async (member, index) =>
      publisher.start(member, {
        args,
        options: { ...shared, groupId: header, groupIndex: index, chord: body },
      }),
    ),
  )
  return { taskId: taskIdOf(body), members: [taskIdOf(body)] }
}

/** What follows the chord, and the chord's own id, belong to its body. */
function bodyOf(
  publisher: Publisher,
  chord: SignatureDict,
  { chain = [], ...options }: CallOptions,
): SignatureDict {
  const { taskId = chord.options.task_id } = options
  const own = defined<Record<string, unknown>>({ task_id: taskId })
  // The chord's id before the steps behind it, which have their own.
  const plain = withEndOptions(readSignature(chord.kwargs.body), own)
  const body = frozen(withSteps(plain, dictsOf(chain) ?? []), publisher.replyTo)
  return withEndOptions(body, toWireOptions(options))
}

/** The rest of the chain a chord stands in: more steps of a body that is a chain itself, else carried by the body. */
function withSteps(body: SignatureDict, reversed: readonly SignatureDict[]): SignatureDict {
  if (reversed.length === 0) return body
  if (isChain(body)) {
    const { task_id: _endsEarlier, ...options } = body.options
    return withTasks({ ...body, options }, [...tasksOf(body), ...reversed.toReversed()])
  }
  return withOptions(body, { chain: reversed })
}

async function publishUnlock(
  publisher: Publisher,
  waiting: { groupId: string; body: SignatureDict; members: readonly SignatureDict[] },
): Promise<void> {
  const { queue, priority } = waiting.body.options
  const result = waiting.members.map((member) => [[taskIdOf(member), null], null])
  await publisher.publish({
    task: CHORD_UNLOCK,
    args: [waiting.groupId, waiting.body],
    kwargs: { interval: null, max_retries: null, result },
    options: {
      countdown: 1,
      ignoreResult: true,
      priority: typeof priority === 'number' ? priority : null,
      ...(typeof queue === 'string' ? { queue } : {}),
    },
  })
}

function headerOf(chord: SignatureDict): SignatureDict[] {
  const { header } = chord.kwargs
  if (Array.isArray(header)) return flatMembers(groupDict(header))
  const group = readSignature(header)
  if (isGroup(group)) return flatMembers(group)
  throw new TaskError(
    'TASK_INVALID',
    `a chord's header is ${group.task}, expected a group or a list`,
  )
}
