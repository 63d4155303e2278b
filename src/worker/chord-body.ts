import { repr } from '../codecs/python-repr.ts'
import { BrokerError } from '../errors.ts'
import { readSignature } from '../protocol/signatures.ts'
import type { SignatureDict } from '../protocol/task-request.ts'
import type { ExceptionInfo, TaskResult } from '../protocol/task-result.ts'
import type { ChordMember } from '../results/result-store.ts'
import type { App } from '../tasks/app.ts'
import { isChain, isGroup, listOf, taskIdOf, tasksOf } from '../tasks/canvas/dicts.ts'
import { asPartOf, type Caller, currentRequest } from '../tasks/current-request.ts'
import { callErrbacks } from './errbacks.ts'
import { type LeftBody, leaveBody } from './left-body.ts'
import { failSteps } from './steps-cut-off.ts'
import { unsentRequest } from './unsent-request.ts'

const CHORD_ERROR = 'ChordError'

/** Saves the outcome of a chord's member and counts it, in one step where the backend can; the last one starts the body. */
export async function saveMember(
  app: App,
  member: ChordMember,
  { body, caller }: LeftBody,
): Promise<void> {
  const results = await app.results()
  if (results.chords === undefined) {
    await results.save(member.result)
    return
  }
  const counted = { ...member, body: () => leaveBody(app, { body, caller }) }
  await results.chords.saveMember(counted, async (members) => {
    await asPartOf(caller, async () => releaseBody(app, body, members))
  })
}

/** All members of a chord are done: starts its body with their values, or fails it with the first error. */
export async function releaseBody(
  app: App,
  body: SignatureDict,
  members: readonly TaskResult[],
): Promise<void> {
  const failed = members.find((member) => member.status !== 'SUCCESS')
  if (failed !== undefined) {
    await failBody(app, body, { text: dependencyText(failed), traceback: failed.traceback })
    return
  }
  try {
    await app.start(body, { args: [members.map((member) => member.result)] })
  } catch (error) {
    // A broker that is away is no fault of the chord: it is released again later.
    if (error instanceof BrokerError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    await failBody(app, body, { text: `Callback error: ${reason}`, traceback: null })
  }
}

/** Whoever waits for the body is told why it will never run: its result is a ChordError, and its errbacks are called. */
export async function failBody(app: App, body: SignatureDict, why: WhyFailed): Promise<void> {
  const results = await app.results()
  const caller = currentRequest() ?? { id: taskIdOf(body), rootId: null, priority: null }
  const result: ExceptionInfo = {
    excType: CHORD_ERROR,
    excModule: 'celery.exceptions',
    excMessage: [why.text],
  }
  const failure = { status: 'FAILURE', result, traceback: why.traceback, dateDone: new Date() }
  await failSteps([body], failure, {
    save: (step) => results.save(step),
    saveMember: (member, outer) => saveMember(app, member, { body: outer, caller }),
  })
  for (const failed of failedIn(body)) await callErrbacksOf(app, failed, { why, caller })
}

export interface WhyFailed {
  readonly text: string
  readonly traceback: string | null
}

/** Python's words, https://docs.celeryq.dev/en/stable/userguide/canvas.html#error-handling */
function dependencyText({ taskId, result }: TaskResult): string {
  const info = (result ?? {}) as Partial<ExceptionInfo>
  return `Dependency ${taskId} raised ${exceptionRepr(info)}`
}

/** As Python shows an exception. */
export function exceptionRepr({
  excType = 'Exception',
  excMessage = [],
}: Partial<ExceptionInfo>): string {
  return `${excType}(${excMessage.map((part) => repr(part)).join(', ')})`
}

interface FailedStep {
  readonly step: SignatureDict
  readonly taskId: string
  readonly errbacks: readonly SignatureDict[]
}

/** Who has errbacks to be called: of a group its members, otherwise the whole. */
function failedIn(body: SignatureDict): readonly FailedStep[] {
  if (!isGroup(body)) return [{ step: body, taskId: taskIdOf(body), errbacks: errbacksOf(body) }]
  const ofAll = errbacksOf(body)
  return tasksOf(body)
    .flatMap(failedIn)
    .map((failed) => ({
      ...failed,
      errbacks: [...failed.errbacks, ...ofAll],
    }))
}

function errbacksOf(body: SignatureDict): readonly SignatureDict[] {
  const own = listOf(body.options.link_error).map((errback) => readSignature(errback))
  const [first] = isChain(body) ? tasksOf(body) : []
  return first === undefined ? own : [...own, ...errbacksOf(first)]
}

async function callErrbacksOf(
  app: App,
  { step, taskId, errbacks }: FailedStep,
  { why, caller }: { readonly why: WhyFailed; readonly caller: Caller },
): Promise<void> {
  if (errbacks.length === 0) return
  const error = Object.assign(new Error(why.text), { name: CHORD_ERROR })
  const request = unsentRequest(step, { ...caller, id: taskId })
  try {
    await asPartOf(request, async () => callErrbacks(app, errbacks, { request, error }))
  } catch (cause) {
    // A broker that is away is no fault of theirs: the chord is released again later.
    if (cause instanceof BrokerError) throw cause
    app.logger.error({ taskId, err: cause }, 'cannot call the errbacks of a chord')
  }
}
