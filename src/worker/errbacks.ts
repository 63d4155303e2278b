import { randomUUID } from 'node:crypto'
import { tracebackOf } from '../protocol/exceptions.ts'
import type { SignatureDict, TaskRequest } from '../protocol/task-request.ts'
import type { App } from '../tasks/app.ts'

export interface Failed {
  readonly request: TaskRequest
  readonly error: unknown
}

/** Errbacks that are functions here and take more than an id are called; the others get the id in a message. */
export async function callErrbacks(
  app: App,
  errbacks: readonly SignatureDict[],
  failed: Failed,
): Promise<void> {
  const here = errbacks.filter((errback) => isCalledHere(app, errback))
  for (const errback of here) await callErrback(app, errback, failed)
  const elsewhere = errbacks.filter((errback) => !here.includes(errback))
  await startAll(app, elsewhere, failed.request.id)
}

/** Several at once form a group, as Celery's workers send them. */
export async function startAll(
  app: App,
  signatures: readonly SignatureDict[],
  argument: unknown,
): Promise<void> {
  const groupId = randomUUID()
  await Promise.all(
    signatures.map(async (signature, groupIndex) =>
      app.start(signature, { args: [argument], options: { groupId, groupIndex } }),
    ),
  )
}

/** Celery's rule for errbacks of the new style: registered here, and with room for more than an id. */
function isCalledHere(app: App, errback: SignatureDict): boolean {
  const task = app.tasks.get(errback.task)
  return task !== undefined && task.options.bind !== true && task.run.length > 1
}

async function callErrback(
  app: App,
  errback: SignatureDict,
  { request, error }: Failed,
): Promise<void> {
  // An errback's function takes what Celery gives errbacks; nothing narrower can be known of it here.
  const run = app.tasks.get(errback.task)?.run as (...args: readonly unknown[]) => unknown
  await run(request, error, tracebackOf(error), ...errback.args)
}
