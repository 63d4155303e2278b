import { repr } from '../codecs/python-repr.ts'
import { BrokerError } from '../errors.ts'
import { readSignature } from '../protocol/signatures.ts'
import type { SignatureDict } from '../protocol/task-request.ts'
import type { ExceptionInfo, TaskResult } from '../protocol/task-result.ts'
import type { ChordMember } from '../results/result-store.ts'
import type { App } from '../tasks/app.ts'
import { isChain, listOf, taskIdOf, tasksOf } from '../tasks/canvas/dicts.ts'
import { asPartOf, currentRequest } from '../tasks/current-request.ts'
import { type LeftBody, leaveBody } from './left-body.ts'
import { failSteps } from './steps-cut-off.ts'

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

/** Python's words, https://docs.celeryq.dev/en/stable/userguide/canvas.html#error-handling */
function dependencyText({ taskId, result }: TaskResult): string {
  const { excType = 'Exception', excMessage = [] } = (result ?? {}) as Partial<ExceptionInfo>
  const args = excMessage.map((part) => repr(part)).join(', ')
  return `Dependency ${taskId} raised ${excType}(${args})`
}

async function failBody(
  app: App,
  body: SignatureDict,
  { text, traceback }: { readonly text: string; readonly traceback: string | null },
): Promise<void> {
  const results = await app.results()
  const caller = currentRequest() ?? { id: taskIdOf(body), rootId: null, priority: null }
  const result: ExceptionInfo = {
    excType: 'ChordError',
    excModule: 'celery.exceptions',
    excMessage: [text],
  }
  const failure = { status: 'FAILURE', result, traceback, dateDone: new Date() }
  await failSteps([body], failure, {
    save: (step) => results.save(step),
    saveMember: (member, outer) => saveMember(app, member, { body: outer, caller }),
  })
  for (const errback of errbacksOf(body)) {
    await app.start(readSignature(errback), { args: [taskIdOf(body)] })
  }
}

function errbacksOf(body: SignatureDict): unknown[] {
  const own = listOf(body.options.link_error)
  const [first] = isChain(body) ? tasksOf(body) : []
  return first === undefined ? own : [...own, ...errbacksOf(first)]
}
