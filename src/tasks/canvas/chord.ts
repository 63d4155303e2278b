import { randomUUID } from 'node:crypto'
import { TaskError } from '../../errors.ts'
import { type CallOptions, toWireOptions } from '../../protocol/call-options.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import type { Publisher, Started, StartWith } from '../publisher.ts'
import { defined, groupDict, isGroup, taskIdOf, tasksOf, withOptions, withTaskId } from './dicts.ts'

/** The task that waits for a chord's header; every worker offers it (Celery's own name and arguments). */
export const CHORD_UNLOCK = 'celery.chord_unlock'

/**
 * Publishes the waiting task first, then the header's members, each of which knows the body
 * (as Celery does with backends that cannot count, e.g. the database).
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
  const members = headerOf(chord).map((member) => withTaskId(member, publisher.replyTo))
  if (members.length === 0) return await publisher.start(body, { args: [[]] })
  await publishUnlock(publisher, { groupId: header, body, members })
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
function bodyOf(publisher: Publisher, chord: SignatureDict, options: CallOptions): SignatureDict {
  const body = withTaskId(readSignature(chord.kwargs.body), publisher.replyTo)
  const own = defined<Record<string, unknown>>({ task_id: chord.options.task_id })
  return withOptions(body, { ...own, ...toWireOptions(options) })
}

async function publishUnlock(
  publisher: Publisher,
  waiting: { groupId: string; body: SignatureDict; members: readonly SignatureDict[] },
): Promise<void> {
  const { queue } = waiting.body.options
  const result = waiting.members.map((member) => [[taskIdOf(member), null], null])
  await publisher.publish({
    task: CHORD_UNLOCK,
    args: [waiting.groupId, waiting.body],
    kwargs: { interval: null, max_retries: null, result },
    options: {
      countdown: 1,
      ignoreResult: true,
      ...(typeof queue === 'string' ? { queue } : {}),
    },
  })
}

function headerOf(chord: SignatureDict): SignatureDict[] {
  const { header } = chord.kwargs
  if (Array.isArray(header)) return tasksOf(groupDict(header))
  const group = readSignature(header)
  if (isGroup(group)) return tasksOf(group)
  throw new TaskError(
    'TASK_INVALID',
    `a chord's header is ${group.task}, expected a group or a list`,
  )
}
