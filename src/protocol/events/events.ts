/**
 * An event of a task or a worker, as Celery writes it: `type` ('task-received', 'worker-heartbeat', …),
 * `hostname`, `timestamp` (epoch seconds), `utcoffset`, `pid`, `clock`, and what the type adds (`uuid`, `runtime`, …).
 * https://docs.celeryq.dev/en/stable/userguide/monitoring.html#event-reference
 */
export interface CeleryEvent {
  readonly type: string
  readonly [field: string]: unknown
}

/**
 * The header of a message of events that travels by the platform queue, as where there is no fanout. Its body is
 * that of a message of celeryev: one event, or a list of them. Its value is the version of this convention, 1.
 */
export const EVENTS_HEADER = 'celery_toolbox_events'
