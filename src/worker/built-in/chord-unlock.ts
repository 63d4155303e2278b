import { BrokerError, ProtocolError } from '../../errors.ts'
import { readSignature } from '../../protocol/signatures.ts'
import { isReady } from '../../protocol/states.ts'
import type { TaskResult } from '../../protocol/task-result.ts'
import type { ResultStore } from '../../results/result-store.ts'
import type { App } from '../../tasks/app.ts'
import { CHORD_UNLOCK } from '../../tasks/canvas/chord.ts'
import type { TaskContext } from '../../tasks/task-context.ts'
import { releaseBody } from '../chord-body.ts'
import { type BuiltInTask, builtIn } from './built-in-task.ts'

/**
 * Waits for a chord's header by looking, and retrying itself until all members are done: for chords that nobody counts,
 * such as those Python publishes with its database backend.
 * https://docs.celeryq.dev/en/stable/userguide/canvas.html#important-notes
 */
export function chordUnlock(app: App): BuiltInTask {
  const maxRetries = app.config.CHORD_UNLOCK_MAX_RETRIES
  const unlock = async (self: TaskContext, groupId: unknown, body: unknown): Promise<void> => {
    const signature = readSignature(body, 'the body of a chord')
    const { result, interval } = self.request.kwargs
    const results = await app.results()
    const members = await Promise.all(memberIds(result).map(async (id) => results.get(id)))
    const countdown =
      typeof interval === 'number' ? interval : app.config.result_chord_retry_interval
    if (!members.every((member) => isReady(member.status))) {
      throw self.retry({ countdown, maxRetries })
    }
    try {
      const release = async (): Promise<void> => releaseBody(app, signature, members)
      await releaseOnce(results, { groupId: String(groupId), members }, release)
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      throw self.retry({ countdown, maxRetries, cause: error })
    }
  }
  // Late: nobody else would start the body, should this worker die.
  const options = { bind: true, ignoreResult: true, acksLate: true, maxRetries }
  return builtIn(app, CHORD_UNLOCK, options, unlock)
}

/** A message that comes again, as after a crash, waits beside its copies: the first to see all members done is the one. */
async function releaseOnce(
  results: ResultStore,
  { groupId, members }: { readonly groupId: string; readonly members: readonly TaskResult[] },
  release: () => Promise<void>,
): Promise<void> {
  const [last] = members
  const { chords } = results
  if (chords?.beginOnce === undefined || last === undefined) {
    await release()
    return
  }
  // Apart from the chord's own count, which its members in this language would join.
  const waiting = `unlock:${groupId}`
  await chords.beginOnce(waiting, 1)
  await chords.memberDone({ groupId: waiting, groupIndex: 0, result: last }, release)
}

/** Results travel as tuples: [[id, parent], children]. */
function memberIds(results: unknown): string[] {
  if (!Array.isArray(results)) {
    throw new ProtocolError(
      'MESSAGE_INVALID',
      `the results of a chord are ${String(results)}, expected a list`,
    )
  }
  return results.map((tuple: unknown) => {
    const id = [tuple].flat(2)[0]
    if (typeof id === 'string') return id
    throw new ProtocolError(
      'MESSAGE_INVALID',
      `a member of a chord has the id ${String(id)}, expected a text`,
    )
  })
}
