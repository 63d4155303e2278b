import { TaskError } from '../../errors.ts'
import type { SignatureDict, TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { AsyncResult } from '../../results/async-result.ts'
import type { App } from '../../tasks/app/app.ts'
import { frozen, withEndOptions } from '../../tasks/canvas/freeze.ts'
import { asHeaderMember } from '../../tasks/canvas/rewrite.ts'

/**
 * Starts one more member of the chord that a running task is a member of. The task itself has not been counted yet, so
 * the body cannot start in between.
 * https://docs.celeryq.dev/en/stable/reference/celery.app.task.html#celery.app.task.Task.add_to_chord
 */
export async function addToChord(
  app: App,
  request: TaskRequest,
  signature: SignatureDict,
): Promise<AsyncResult> {
  const { id, task, group, groupIndex, chord, rootId } = request
  if (chord === null || group === null) {
    throw new TaskError('TASK_INVALID', `task "${task}" (${id}) is not a member of any chord`)
  }
  const { kind, chords } = await app.results()
  if (chords?.addMember === undefined) {
    throw new TaskError(
      'TASK_INVALID',
      `the result backend "${kind}" cannot add a member to a chord that has begun, expected redis or memory`,
    )
  }
  const place = { group_id: group, group_index: groupIndex, chord, root_id: rootId }
  const own = asHeaderMember(signature, { isOnHeader: app.linksChordHeaders })
  const member = withEndOptions(frozen(own, { replyTo: app.replyTo }), place)
  await chords.addMember(group)
  return app.resultOf(await app.start(member))
}
