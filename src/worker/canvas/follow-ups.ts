import { MOST_AT_ONCE, mapSome } from '../../async/map-some.ts'
import { isGroup } from '../../protocol/signature-tree/kinds.ts'
import { withOptions } from '../../protocol/signature-tree/options.ts'
import type { SignatureDict, TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { App } from '../../tasks/app/app.ts'
import { runInTaskContext } from '../../tasks/calls/current-request.ts'
import { areFollowupsTaken } from '../../tasks/calls/followups.ts'
import type { Outcome } from '../outcomes/outcome.ts'
import { callErrbacks, startAll } from './errbacks.ts'
import { startReplacement } from './replacement.ts'

/** What comes after a success, or in the place of a task: published before the outcome is stored, among its children. */
export async function publishNext(app: App, request: TaskRequest, outcome: Outcome): Promise<void> {
  if (outcome.kind === 'success') await publishAfterSuccess(app, request, outcome.value)
  if (outcome.kind === 'replaced') await startReplacement(app, request, outcome.signature)
}

/** Calls the errbacks of a task: after its failure is stored, where they look for it. */
export async function publishErrbacks(
  app: App,
  request: TaskRequest,
  error: unknown,
): Promise<void> {
  const errbacks = areFollowupsTaken(request) ? null : request.errbacks
  if (errbacks === null || errbacks.length === 0) return
  await runInTaskContext(request, async () => callErrbacks(app, errbacks, { request, error }))
}

/** Callbacks first, then the next step of the chain: the order of Celery's tracer. */
async function publishAfterSuccess(app: App, request: TaskRequest, value: unknown): Promise<void> {
  const callbacks = areFollowupsTaken(request) ? null : request.callbacks
  const { chain } = request
  const hasCallbacks = callbacks !== null && callbacks.length > 0
  const hasSteps = chain !== null && chain.length > 0
  if (!(hasCallbacks || hasSteps)) return
  await runInTaskContext(request, async () => {
    if (hasCallbacks) await startCallbacks(app, callbacks, value)
    const next = chain?.at(-1)
    if (next !== undefined) {
      const options = { chain: chain?.slice(0, -1) ?? [] }
      await app.start(nestedAs(request, next), { args: [value], options })
    }
  })
}

/**
 * A step of what replaced a task says so, as it may have the task's id: Celery 5.2 says it of the first step alone, later
 * versions and ours of each.
 */
function nestedAs({ replacedTaskNesting }: TaskRequest, step: SignatureDict): SignatureDict {
  const isSaid = step.options.replaced_task_nesting !== undefined
  if (isSaid || replacedTaskNesting === 0) return step
  return withOptions(step, { replaced_task_nesting: replacedTaskNesting })
}

async function startCallbacks(
  app: App,
  callbacks: readonly SignatureDict[],
  value: unknown,
): Promise<void> {
  const [only] = callbacks
  if (callbacks.length === 1 && only !== undefined) {
    await app.start(only, { args: [value] })
    return
  }
  const groups = callbacks.filter(isGroup)
  await mapSome(groups, MOST_AT_ONCE, (group) => app.start(group, { args: [value] }))
  await startAll(
    app,
    callbacks.filter((callback) => !isGroup(callback)),
    { argument: value },
  )
}
