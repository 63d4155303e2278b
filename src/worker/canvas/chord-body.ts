import { MOST_AT_ONCE, mapSome } from '../../async/map-some.ts'
import { mayTakeLater } from '../../brokers/broker-errors.ts'
import { repr } from '../../codecs/python/python-repr.ts'
import { ProtocolError } from '../../errors.ts'
import { isReady } from '../../protocol/results/states.ts'
import type { ExceptionInfo, TaskResult } from '../../protocol/results/task-result.ts'
import { taskIdOf } from '../../protocol/signature-tree/options.ts'
import { endOf } from '../../protocol/signature-tree/parts.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import {
  isRefusedForGood,
  shownId,
  UncountableChord,
  unreadableMember,
} from '../../results/failures.ts'
import { taskIdsOf } from '../../results/result-node.ts'
import type { ChordMember } from '../../results/result-store.ts'
import { resultTree } from '../../results/saved-group.ts'
import { isExceptionInfo } from '../../results/stored-value.ts'
import type { App } from '../../tasks/app/app.ts'
import { type Caller, runInTaskContext } from '../../tasks/calls/current-request.ts'
import { textOfError } from '../../text-of-error.ts'
import type { CalledFor } from './errback-plan.ts'
import {
  type BodyFailure,
  bodyFailure,
  callerFor,
  callPlanned,
  type Failure,
  type WhyFailed,
} from './failed-body.ts'
import { leaveBody, type PendingChordBody } from './pending-chord-body.ts'
import { readableEnd, type UnreachableStep, unreachableSteps } from './unreachable-steps.ts'

/** Saves the outcome of a chord's member and counts it, in one step where the backend can; the last one starts the body. */
export async function saveMember(
  app: App,
  member: ChordMember,
  { body, caller }: PendingChordBody,
): Promise<void> {
  const results = await app.results()
  if (results.chords === undefined) {
    await results.save(member.result)
    return
  }
  const counted = { ...member, body: () => leaveBody(app, { body, caller }) }
  try {
    await results.chords.saveMember(counted, async (members) => {
      await runInTaskContext(caller, async () => releaseBody(app, body, members))
    })
  } catch (error) {
    if (!(error instanceof UncountableChord)) throw error
    await runInTaskContext(caller, async () => failUncountable(app, body, error))
  }
}

/** A chord whose count is spoiled never comes to its end: its body fails, by the first member that finds out. */
async function failUncountable(
  app: App,
  body: SignatureDict,
  error: UncountableChord,
): Promise<void> {
  const results = await app.results()
  const { status } = await results.get(taskIdOf(endOf(body))).catch(() => ({ status: 'PENDING' }))
  if (isReady(status)) return
  app.logger.error({ err: error }, 'a chord cannot be counted, its body fails')
  await failBody(app, body, { text: error.message, traceback: null })
}

/** All members of a chord are done: starts its body with their values, or fails it with the first error. */
export async function releaseBody(
  app: App,
  body: SignatureDict,
  members: readonly TaskResult[],
): Promise<void> {
  const failed = members.find((member) => member.status !== 'SUCCESS')
  if (failed !== undefined) {
    await failBody(app, body, await whyFailed(app, failed))
    return
  }
  try {
    await app.start(body, { args: [members.map((member) => member.result)] })
  } catch (error) {
    // A broker that is away is no fault of the chord: it is released again later.
    if (mayTakeLater(error)) throw error
    const reason = textOfError(error)
    await failBody(app, body, { text: `Callback error: ${reason}`, traceback: null })
  }
}

/** Stores why the body will never run, for its waiting callers, and calls its errbacks: each finds the failure stored. */
export async function failBody(app: App, body: SignatureDict, why: WhyFailed): Promise<void> {
  const caller = callerFor(body)
  const { cutOff, calls } = readableFailure(app, body, why)
  for (const { steps, failure } of cutOff) await failUnreachable(app, { steps, caller }, failure)
  for (const call of calls) await callPlanned(app, call)
}

/** Of a body that cannot be read to its end, its own failure alone: no later try would read more. */
function readableFailure(app: App, body: SignatureDict, why: WhyFailed): BodyFailure {
  try {
    return bodyFailure(app, body, why)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    app.logger.error({ err: error }, 'the body of a chord cannot be read, and fails alone')
    const { text, traceback } = why
    const result = { excType: 'ChordError', excModule: 'celery.exceptions', excMessage: [text] }
    const failure = { status: 'FAILURE', result, traceback, dateDone: new Date() }
    return { cutOff: [{ steps: [body], failure }], calls: [] }
  }
}

/**
 * Gives steps that will never run the error that cut them off, for the callers that wait for the last one; those that are
 * members of a chord are counted there.
 */
export async function failUnreachable(
  app: App,
  { steps, caller }: { readonly steps: readonly SignatureDict[]; readonly caller: Caller },
  { childrenOf = () => [], ...failure }: Failure,
): Promise<void> {
  const results = await app.results()
  // Has each key of what is made of it: V8 gives a copy that gets keys four times the room.
  const like: TaskResult = { ...failure, taskId: '', name: null, children: [] }
  await mapSome(
    cutOffIn(app, steps),
    MOST_AT_ONCE,
    async ({ taskId, groupId, groupIndex, chord }) => {
      const result = { ...like, taskId, children: childrenOf(taskId) }
      try {
        if (chord === null || groupId === null) await results.save(result)
        else await saveMember(app, { groupId, groupIndex, result }, { body: chord, caller })
      } catch (error) {
        if (!isRefusedForGood(error)) throw error
        const about = { taskId: shownId(taskId), err: error }
        app.logger.error(about, 'the failure of a step that will not run cannot be stored')
      }
    },
  )
}

/** One by one: there may be a hundred thousand. */
function* cutOffIn(app: App, steps: readonly SignatureDict[]): Generator<UnreachableStep> {
  for (const step of steps) yield* readableSteps(app, step)
}

/** Of a step that cannot be read to its end, its own alone: that is no reason to run the task before it again. */
function readableSteps(app: App, step: SignatureDict): readonly UnreachableStep[] {
  try {
    return unreachableSteps(step)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    app.logger.error({ err: error }, 'a step that will not run cannot be read, and fails alone')
    return readableEnd(step)
  }
}

async function whyFailed(app: App, failed: TaskResult): Promise<WhyFailed> {
  const { traceback, result } = failed
  const why = { text: dependencyText(failed), traceback, called: await calledFor(app, failed) }
  return isExceptionInfo(result) ? { ...why, cause: result } : why
}

/**
 * Where Python counts too, it does not report a failed inner chord to the outer one, and so calls errbacks that both have
 * only once: what was called for the member's own failure is not called again.
 */
async function calledFor(app: App, { taskId }: TaskResult): Promise<CalledFor | undefined> {
  const results = await app.results()
  if (results.chords?.isSharedWithPython !== true) return undefined
  const { children = [] } = await results.get(taskId).catch((error: unknown) => {
    // Then which errbacks it called is unknown, too.
    return unreadableMember(taskId, error)
  })
  const nodes = children.map((child) => resultTree(child))
  return { taskId, ids: new Set(nodes.flatMap((node) => (node === null ? [] : taskIdsOf(node)))) }
}

/** Python's words, https://docs.celeryq.dev/en/stable/userguide/canvas.html#error-handling */
function dependencyText({ taskId, result }: TaskResult): string {
  return `Dependency ${taskId} raised ${exceptionRepr(isExceptionInfo(result) ? result : {})}`
}

/** As Python shows an exception. */
export function exceptionRepr({
  excType = 'Exception',
  excMessage = [],
}: Partial<ExceptionInfo>): string {
  return `${excType}(${excMessage.map((part) => repr(part)).join(', ')})`
}
