import { ProtocolError } from '../errors.ts'
import { readSignature } from '../protocol/signatures.ts'
import { isReady } from '../protocol/states.ts'
import type { SignatureDict } from '../protocol/task-request.ts'
import type { ExceptionInfo, TaskResult } from '../protocol/task-result.ts'
import type { App } from '../tasks/app.ts'
import { CHORD_UNLOCK } from '../tasks/canvas/chord.ts'
import { listOf, taskIdOf } from '../tasks/canvas/dicts.ts'
import { Task } from '../tasks/task.ts'
import type { TaskContext } from '../tasks/task-context.ts'

/**
 * Waits for a chord's header by looking, and retrying itself until all members are done; then starts the body with
 * their results, or fails it with the first error.
 * https://docs.celeryq.dev/en/stable/userguide/canvas.html#important-notes
 */
export function chordUnlock(app: App): Task<readonly never[], unknown> {
  const unlock = async (self: TaskContext, _groupId: unknown, body: unknown): Promise<void> => {
    const signature = readSignature(body, 'the body of a chord')
    const { result, interval } = self.request.kwargs
    const results = await app.results()
    const members = await Promise.all(memberIds(result).map(async (id) => results.get(id)))
    if (!members.every((member) => isReady(member.status))) {
      const countdown =
        typeof interval === 'number' ? interval : app.config.result_chord_retry_interval
      throw self.retry({ countdown, maxRetries: app.config.CHORD_UNLOCK_MAX_RETRIES })
    }
    const failed = members.find((member) => member.status !== 'SUCCESS')
    if (failed === undefined) {
      await app.start(signature, { args: [members.map((member) => member.result)] })
    } else await failBody(app, signature, failed)
  }
  return new Task<never, unknown>(app, {
    name: CHORD_UNLOCK,
    options: { bind: true, ignoreResult: true, maxRetries: app.config.CHORD_UNLOCK_MAX_RETRIES },
    run: unlock as (...args: never[]) => unknown,
  })
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

async function failBody(app: App, body: SignatureDict, failed: TaskResult): Promise<void> {
  const results = await app.results()
  const error = failed.result as Partial<ExceptionInfo> | null
  const text = `Dependency ${failed.taskId} raised ${error?.excType ?? 'an error'}(${(error?.excMessage ?? []).map((part) => JSON.stringify(part)).join(', ')})`
  const result: ExceptionInfo = {
    excType: 'ChordError',
    excModule: 'celery.exceptions',
    excMessage: [text],
  }
  await results.save({
    taskId: taskIdOf(body),
    status: 'FAILURE',
    result,
    traceback: failed.traceback,
    dateDone: new Date(),
  })
  for (const errback of listOf(body.options.link_error)) {
    await app.start(readSignature(errback), { args: [taskIdOf(body)] })
  }
}
