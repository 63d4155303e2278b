import { ProtocolError } from '../../errors.ts'
import { readSignature } from '../../protocol/signatures.ts'
import { isReady } from '../../protocol/states.ts'
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
  const unlock = async (self: TaskContext, _groupId: unknown, body: unknown): Promise<void> => {
    const signature = readSignature(body, 'the body of a chord')
    const { result, interval } = self.request.kwargs
    const results = await app.results()
    const members = await Promise.all(memberIds(result).map(async (id) => results.get(id)))
    if (members.every((member) => isReady(member.status))) {
      await releaseBody(app, signature, members)
      return
    }
    const countdown =
      typeof interval === 'number' ? interval : app.config.result_chord_retry_interval
    throw self.retry({ countdown, maxRetries })
  }
  return builtIn(app, CHORD_UNLOCK, { bind: true, ignoreResult: true, maxRetries }, unlock)
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
