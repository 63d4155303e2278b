/** The sources of how a task was called, the best first: its message, its caller's event, its worker's, any other event. */
export type CallSource = 'message' | 'task-sent' | 'task-received' | 'event' | 'result'

/**
 * A task's progress by one source. A message knows no time: its state yields to any event.
 * Which of two goes further is for monitor.is_further to say, and for task-order.ts, which agrees with it.
 */
export interface TaskProgress {
  readonly state: string
  /** When the state was reached, by the clock of the worker; null where a message says so. */
  readonly stateAtMs: number | null
  readonly receivedAtMs: number | null
  readonly startedAtMs: number | null
  readonly runtimeMs: number | null
  readonly worker: string | null
  readonly exception: string | null
  readonly traceback: string | null
  /** What the result backend would hold as the result, as JSON text. */
  readonly stored: string | null
}

/** All that a message can show. */
export function publishedProgress(retries: number): TaskProgress {
  return retries > 0 ? RETRIED : PUBLISHED
}

const PUBLISHED: TaskProgress = {
  state: 'PENDING',
  stateAtMs: null,
  receivedAtMs: null,
  startedAtMs: null,
  runtimeMs: null,
  worker: null,
  exception: null,
  traceback: null,
  stored: null,
}

const RETRIED: TaskProgress = { ...PUBLISHED, state: 'RETRY' }
