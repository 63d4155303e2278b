import { type Backoff, retry } from '../../async/backoff.ts'
import { BrokerError, TaskFailedError } from '../../errors.ts'
import type { App } from '../../tasks/app/app.ts'
import { Failure } from '../failures/failure.ts'
import type { RemoteCall, Remotes } from './remote.ts'

/** Runs remote steps as Celery tasks: task id = attempt, root id = flow, parent id = the step before. */
export function celeryRemotes(
  app: Pick<App, 'publish' | 'asyncResult' | 'control' | 'results'>,
): Remotes {
  return {
    start: async (call, signal) => {
      const { task } = call
      const message = { task, args: [], kwargs: kwargsOf(call), options: optionsOf(call) }
      await retry(async () => await app.publish(message), {
        backoff: WHILE_AWAY,
        signal,
        onFailure: ({ cause }) => {
          if (!isAway(cause)) throw cause
        },
      })
    },
    outcome: async (attemptId, signal) => {
      const results = await app.results()
      await results.waitFor(attemptId, { signal })
      return await app.asyncResult(attemptId).get()
    },
    peek: async (attemptId) => {
      const results = await app.results()
      const { status } = await results.get(attemptId)
      if (!READY.has(status)) return undefined
      return await app
        .asyncResult(attemptId)
        .get()
        .then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        )
    },
    revoke: async (attemptId) => {
      await app.control.revoke([attemptId])
    },
  }
}

const WHILE_AWAY: Backoff = { initialMs: 500, factor: 2, maxMs: 10_000, jitter: 0.5 }

/** The broker does not answer: the step has not failed, its call is published once the broker is back. */
function isAway(error: unknown): boolean {
  return error instanceof BrokerError && AWAY.has(error.code)
}

const AWAY: ReadonlySet<string> = new Set(['BROKER_UNREACHABLE', 'PUBLISH_UNCONFIRMED'])

const READY: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE', 'REVOKED'])

function kwargsOf({ values, constants = {}, action }: RemoteCall): Record<string, unknown> {
  if (action === 'execute') return { ...constants, ...values }
  const { result, failures, ...args } = values
  return { args: { ...constants, ...args }, result: plain(result), failures: plain(failures) }
}

function plain(value: unknown): unknown {
  if (value instanceof Failure) return value.toJSON()
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value ?? null
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

function optionsOf({
  attemptId,
  flowId,
  flow,
  atom,
  action,
  parentId,
  options,
}: RemoteCall): object {
  return {
    ...options,
    taskId: attemptId,
    rootId: flowId,
    parentId,
    headers: {
      flow,
      flow_id: flowId,
      flow_atom: atom,
      flow_attempt: attemptId,
      flow_action: action,
    },
  }
}

/** What a worker of either language reports, as the failure of a step. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof TaskFailedError)) return Failure.from(error)
  const shown = Object.assign(new Error(error.message, { cause: error }), { args: error.excArgs })
  shown.name = error.excType
  return Failure.from(shown)
}
