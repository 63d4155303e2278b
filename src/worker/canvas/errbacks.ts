import { randomUUID } from 'node:crypto'
import { MOST_AT_ONCE, mapSome } from '../../async/map-some.ts'
import { tracebackOf } from '../../protocol/results/exceptions.ts'
import type { SignatureDict, TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { App } from '../../tasks/app/app.ts'
import type { Task } from '../../tasks/task.ts'
import { argumentsFor } from '../task-arguments.ts'
import { syntheticRequest } from './synthetic-request.ts'

export interface Failed {
  readonly request: TaskRequest
  readonly error: unknown
  /** The group that the published ones form; default a new one. */
  readonly groupId?: string
}

/** Errbacks that are functions here and take more than an id are called; the others get the id in a message. */
export async function callErrbacks(
  app: App,
  errbacks: readonly SignatureDict[],
  failed: Failed,
): Promise<void> {
  const here = errbacks.filter((errback) => isCalledHere(app, errback))
  for (const errback of here) await tryErrback(app, errback, failed)
  const elsewhere = errbacks.filter((errback) => !here.includes(errback))
  await startAll(app, elsewhere, { argument: failed.request.id, groupId: failed.groupId })
}

/** Several at once form a group, as Celery's workers send them. */
export async function startAll(
  app: App,
  signatures: readonly SignatureDict[],
  {
    argument,
    groupId = randomUUID(),
  }: { readonly argument: unknown; readonly groupId?: string | undefined },
): Promise<void> {
  await mapSome(signatures, MOST_AT_ONCE, (signature, groupIndex) =>
    app.start(signature, { args: [argument], options: { groupId, groupIndex } }),
  )
}

/**
 * Celery's rule for errbacks of the new style: registered here, and with room for more than an id. Arguments that the
 * signature brings along take some of the room: `(id, label)` called with a label is of the old style.
 */
export function isCalledHere(app: App, errback: SignatureDict): boolean {
  const task = app.tasks.get(errback.task)
  if (task === undefined || task.options.bind === true) return false
  return roomOf(task) - takenBy(errback) > 1
}

function roomOf({ run, options: { params } }: Task<readonly never[], unknown>): number {
  return Math.max(run.length, params?.length ?? 0)
}

/** An immutable one is called with nothing but its own. */
function takenBy({ args, kwargs, immutable }: SignatureDict): number {
  return immutable ? 0 : args.length + Object.keys(kwargs).length
}

/** One that fails does not keep the others from being called, as in Celery. */
async function tryErrback(app: App, errback: SignatureDict, failed: Failed): Promise<void> {
  try {
    await callErrback(app, errback, failed)
  } catch (err) {
    const { id: taskId } = failed.request
    app.logger.error({ taskId, errback: errback.task, err }, 'an errback failed')
  }
}

async function callErrback(
  app: App,
  errback: SignatureDict,
  { request, error }: Failed,
): Promise<void> {
  const task = app.tasks.get(errback.task)
  if (task === undefined) return
  const { args, kwargs, immutable } = errback
  const given = immutable ? args : [request, error, tracebackOf(error), ...args]
  const called = syntheticRequest({ ...errback, args: given, kwargs }, request)
  // An errback's function takes what Celery gives errbacks; nothing narrower can be known of it here.
  const run = task.run as (...args: readonly unknown[]) => unknown
  await run(...argumentsFor(called, task.options, task.run.length))
}
