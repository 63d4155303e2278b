/** Celery's task states, https://docs.celeryq.dev/en/stable/userguide/tasks.html#built-in-states; custom ones are any other text. */
const STATES = ['PENDING', 'RECEIVED', 'STARTED', 'SUCCESS', 'FAILURE', 'RETRY', 'REVOKED'] as const

type BuiltInState = (typeof STATES)[number]

/** A built-in state or a custom, upper-case one. */
export type State = BuiltInState | (string & {})

/** The task will not change any more. */
export function isReady(state: State): boolean {
  return state === 'SUCCESS' || state === 'FAILURE' || state === 'REVOKED'
}

/** The stored result is an exception. */
export function isExceptionState(state: State): boolean {
  return state === 'FAILURE' || state === 'RETRY' || state === 'REVOKED'
}
