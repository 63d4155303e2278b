import { mayTakeLater } from '../../brokers/broker-errors.ts'
import type { ExceptionInfo, TaskResult } from '../../protocol/results/task-result.ts'
import { isChord, isGroup } from '../../protocol/signature-tree/kinds.ts'
import {
  added,
  linksOf,
  listOf,
  taskIdOf,
  withOptions,
} from '../../protocol/signature-tree/options.ts'
import {
  bodyOf,
  endOf,
  flatMembers,
  headerGroup,
  isGathered,
} from '../../protocol/signature-tree/parts.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import type { App } from '../../tasks/app/app.ts'
import { type Caller, currentRequest, runInTaskContext } from '../../tasks/calls/current-request.ts'
import { textOf } from '../../text-of-error.ts'
import { type CalledFor, type ErrbackPlan, planErrbacks } from './errback-plan.ts'
import { callErrbacks, type Failed } from './errbacks.ts'
import { syntheticRequest } from './synthetic-request.ts'

export interface WhyFailed {
  /** What the ChordError says. */
  readonly text: string
  readonly traceback: string | null
  /** The exception behind it, which members of a group get as their own, as in Celery. */
  readonly cause?: ExceptionInfo
  /** What was called for the failed member already. */
  readonly called?: CalledFor | undefined
}

/** The result of what never ran; `childrenOf` what was called because of it. */
export interface Failure extends Omit<TaskResult, 'taskId'> {
  readonly childrenOf?: (taskId: string) => readonly unknown[]
}

/** What the failure of a body means: for steps that will never run, and for their errbacks. */
export interface BodyFailure {
  readonly cutOff: readonly {
    readonly steps: readonly SignatureDict[]
    readonly failure: Failure
  }[]
  readonly calls: readonly { readonly plan: ErrbackPlan; readonly failed: Failed }[]
}

/**
 * The body's result is a ChordError, or, where it is a group, the error of the header is each member's, as in Celery; what
 * stands behind it fails too. The errbacks to be called are children of what has failed.
 */
export function bodyFailure(app: App, body: SignatureDict, why: WhyFailed): BodyFailure {
  const caller = callerFor(body)
  const chordError = {
    excType: 'ChordError',
    excModule: 'celery.exceptions',
    excMessage: [why.text],
  }
  const isOfMembers = isGroup(body) || isGathered(body)
  const own = isOfMembers ? (why.cause ?? chordError) : chordError
  const calls = failedIn(body).map(({ step, taskId, errbacks }) => ({
    plan: planErrbacks(app, errbacks, { taskId, called: why.called }),
    failed: { request: syntheticRequest(step, { ...caller, id: taskId }), error: errorOf(own) },
  }))
  const plans = new Map(calls.map(({ plan, failed }) => [failed.request.id, plan]))
  const childrenOf = (taskId: string) => plans.get(taskId)?.children ?? []
  const alone = withOptions(body, { chain: null })
  const behind = listOf(body.options.chain).map((step) => readSignature(step, 'options.chain'))
  return {
    cutOff: [
      { steps: [alone], failure: { ...failureOf(own, why), childrenOf } },
      { steps: behind, failure: failureOf(chordError, why) },
    ],
    calls,
  }
}

/** The running task; a worker that starts what another has left runs none. */
export function callerFor(body: SignatureDict): Caller {
  return currentRequest() ?? { id: taskIdOf(endOf(body)), rootId: null, priority: null }
}

/** Calls the errbacks of something that has failed without having run. */
export async function callPlanned(
  app: App,
  { plan: { errbacks, groupId }, failed }: BodyFailure['calls'][number],
): Promise<void> {
  if (errbacks.length === 0) return
  const { request } = failed
  try {
    await runInTaskContext(request, async () => callErrbacks(app, errbacks, { ...failed, groupId }))
  } catch (cause) {
    // A broker that is away is no fault of theirs: the chord is released again later.
    if (mayTakeLater(cause)) throw cause
    app.logger.error({ taskId: request.id, err: cause }, 'cannot call the errbacks of a chord')
  }
}

function errorOf({ excType: name, excMessage }: ExceptionInfo): Error {
  return Object.assign(new Error(excMessage.map(textOf).join(', ')), { name })
}

function failureOf(result: ExceptionInfo, { traceback }: WhyFailed): Failure {
  return { status: 'FAILURE', result, traceback, dateDone: new Date() }
}

interface FailedStep {
  readonly step: SignatureDict
  readonly taskId: string
  readonly errbacks: readonly SignatureDict[]
}

/** Who has errbacks to be called: of a group its members, each with the group's own; otherwise the whole. */
function failedIn(body: SignatureDict): readonly FailedStep[] {
  if (isGathered(body)) return failedIn(headerGroup(body))
  if (!isGroup(body))
    return [{ step: body, taskId: taskIdOf(endOf(body)), errbacks: linksOf(body, 'link_error') }]
  const ofAll = linksOf(body, 'link_error')
  return flatMembers(body).map((member) => ({
    step: member,
    taskId: taskIdOf(endOf(member)),
    errbacks: added(resultErrbacks(member), ofAll),
  }))
}

/** The errbacks that Celery finds linked to a result: a chord's own and its body's, a group's own and its members'. */
function resultErrbacks(dict: SignatureDict): readonly SignatureDict[] {
  const own = linksOf(dict, 'link_error')
  if (isChord(dict)) return added(own, resultErrbacks(bodyOf(dict)))
  return isGroup(dict) ? added(own, flatMembers(dict).flatMap(resultErrbacks)) : own
}
