import { asError } from '../../as-error.ts'
import { mayTakeLater } from '../../brokers/broker-errors.ts'
import { ProtocolError } from '../../errors.ts'
import { exceptionInfo, tracebackOf } from '../../protocol/results/exceptions.ts'
import { isReady } from '../../protocol/results/states.ts'
import { pendingResult, type TaskResult } from '../../protocol/results/task-result.ts'
import { showValue } from '../../protocol/show-value.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { unreadableMember } from '../../results/failures.ts'
import { nestedResult, type ResultNode, taskIdsOf } from '../../results/result-node.ts'
import type { ResultStore } from '../../results/result-store.ts'
import { resultTree } from '../../results/saved-group.ts'
import type { App } from '../../tasks/app/app.ts'
import { CHORD_UNLOCK } from '../../tasks/canvas/start-chord.ts'
import type { TaskContext } from '../../tasks/task-context.ts'
import { exceptionRepr, failBody, releaseBody } from '../canvas/chord-body.ts'
import { MaxRetriesExceededError } from '../retries/retries.ts'
import { type BuiltInTask, builtIn } from './built-in-task.ts'

/**
 * Waits for a chord's header by polling, and retrying itself until all members are done: for chords that no backend counts,
 * such as those Python publishes with its database backend. Where it may not look again, the body has failed.
 * https://docs.celeryq.dev/en/stable/userguide/canvas.html#important-notes
 */
export function chordUnlock(app: App): BuiltInTask {
  const unlock = async (self: TaskContext, groupId: unknown, body: unknown): Promise<void> => {
    const waiting = waitingFor(app, self, { groupId, body })
    const members = await readMembers(app, waiting)
    if (members instanceof Error) throw await lookAgain(app, self, waiting, members)
    if (members === undefined) throw await lookAgain(app, self, waiting)
    try {
      await releaseOnce(app, waiting, async () => releaseBody(app, waiting.body, members))
    } catch (error) {
      if (!mayTakeLater(error)) throw error
      throw await lookAgain(app, self, waiting, error)
    }
  }
  const maxRetries = app.config.CHORD_UNLOCK_MAX_RETRIES
  // Late: no other task would start the body, should this worker die.
  const options = { bind: true, ignoreResult: true, acksLate: true, maxRetries }
  return builtIn(app, CHORD_UNLOCK, options, unlock)
}

const AT_ONCE = 100

interface Waiting {
  readonly groupId: string
  readonly body: SignatureDict
  readonly header: readonly ResultNode[]
  readonly countdown: number
  readonly maxRetries: number | null
}

function waitingFor(
  app: App,
  { request }: TaskContext,
  { groupId, body }: { readonly groupId: unknown; readonly body: unknown },
): Waiting {
  const { result, interval, max_retries: most } = request.kwargs
  const { result_chord_retry_interval, CHORD_UNLOCK_MAX_RETRIES } = app.config
  return {
    groupId: String(groupId),
    body: readSignature(body, 'the body of a chord'),
    header: headerOf(result),
    countdown: typeof interval === 'number' ? interval : result_chord_retry_interval,
    maxRetries: typeof most === 'number' ? most : CHORD_UNLOCK_MAX_RETRIES,
  }
}

/** Undefined where not all are done, an error where that cannot be known. */
async function readMembers(
  app: App,
  { header }: Waiting,
): Promise<readonly TaskResult[] | Error | undefined> {
  try {
    const results = await app.results()
    const all = new Map<string, TaskResult>()
    // The last ones are done last: while they are not, a look at a large header costs no more than at a small one.
    const left = header.flatMap(taskIdsOf).reverse()
    for (let at = 0; at < left.length; at += AT_ONCE) {
      const some = left.slice(at, at + AT_ONCE)
      const read = await Promise.all(some.map(async (id) => readMember(results, id)))
      if (!read.every(({ status }) => isReady(status))) return undefined
      for (const result of read) all.set(result.taskId, result)
    }
    const read = async (id: string): Promise<TaskResult> => all.get(id) ?? pendingResult(id)
    return await Promise.all(header.map(async (member) => nestedResult(member, read)))
  } catch (error) {
    return asError(error)
  }
}

async function readMember(results: ResultStore, taskId: string): Promise<TaskResult> {
  try {
    return await results.get(taskId)
  } catch (error) {
    return unreadableMember(taskId, error)
  }
}

/** What to throw: a retry, which is an error where it is one too many; then the chord is never looked at again. */
async function lookAgain(
  app: App,
  self: TaskContext,
  waiting: Waiting,
  cause?: Error,
): Promise<Error> {
  const { countdown, maxRetries } = waiting
  if (maxRetries !== null && self.request.retries + 1 > maxRetries) {
    const error = cause ?? new MaxRetriesExceededError(self.request)
    const info = exceptionInfo(error)
    const text = `chord_unlock could not be retried: ${exceptionRepr(info)}`
    const why = { text, traceback: tracebackOf(error), cause: info }
    await releaseOnce(app, waiting, async () => failBody(app, waiting.body, why))
  }
  return self.retry({ countdown, maxRetries, ...(cause === undefined ? {} : { cause }) })
}

/** A message that comes again, as after a crash, waits beside its copies: the first to see all members done is the one. */
async function releaseOnce(
  app: App,
  { groupId, header }: Waiting,
  release: () => Promise<void>,
): Promise<void> {
  const { chords } = await app.results()
  const [first] = header
  if (chords?.beginOnce === undefined || first === undefined) {
    await release()
    return
  }
  // Apart from the chord's own count, which its members in this language would join.
  const waiting = `unlock:${groupId}`
  await chords.beginOnce(waiting, 1)
  const member = { groupId: waiting, groupIndex: 0, result: pendingResult(first.id) }
  await chords.memberDone(member, release)
}

/** Results travel as tuples: [[id, parent], members]. */
function headerOf(results: unknown): readonly ResultNode[] {
  if (!Array.isArray(results)) throw invalid(`the results of a chord are ${showValue(results)}`)
  return results.map((tuple: unknown) => {
    const node = resultTree(typeof tuple === 'string' ? [tuple, null] : tuple)
    if (node === null) throw invalid(`a member of a chord has the result ${showValue(tuple)}`)
    return node
  })
}

function invalid(what: string): ProtocolError {
  return new ProtocolError('MESSAGE_INVALID', `${what}, expected a list of [[id, parent], members]`)
}
