import type { CeleryEvent } from '../../protocol/events/events.ts'
import { asNumber } from '../../protocol/field-readers.ts'
import { familyOf, type TaskEntry, timeMs, wholeNumber } from '../mirror/task-entry.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { storableText } from '../stored/storable-text.ts'
import { jsonbText } from '../stored/stored-json.ts'
import type { CallSource } from '../tasks/task-progress.ts'
import { publishedProgress, type TaskProgress } from '../tasks/task-progress.ts'
import { errorText, revokedText, safeText } from './error-text.ts'
import { type EventEntry, eventText } from './event-entry.ts'
import { outcomeOf } from './event-outcome.ts'
import { runCall, runEvent, runProgress } from './run-entry.ts'

interface Hearing {
  readonly entry: EventEntry
  readonly privacy: Privacy
  readonly receivedAtMs: number
  /** When it happened, by the monitor's clock. */
  readonly atMs: number
}

/** What an event says of its task; null where it says nothing that the row of a task has room for. */
export function eventTask(event: CeleryEvent, hearing: Hearing): TaskEntry | null {
  const { taskId } = hearing.entry
  const progress = progressOf(event, hearing)
  if (taskId === null || progress === null) return null
  return {
    ...NOTHING,
    ...progress,
    ...callOf(event, taskId, hearing.privacy),
    taskId,
    publishedAtMs: isCredible(hearing.atMs, hearing.receivedAtMs)
      ? hearing.atMs
      : hearing.receivedAtMs,
  }
}

/** How the task was called, as far as its caller or its worker reported. */
function callOf(
  event: CeleryEvent,
  taskId: string,
  privacy: Privacy,
): Partial<TaskEntry> & CallEntry {
  const run = runEvent(event)
  if (run !== undefined) return runCall(event, run, taskId)
  const source = CALLS.get(event.type) ?? 'event'
  if (source === 'event') return { source, options: OF_AN_EVENT }
  const { name, retries, root_id: rootId, parent_id: parentId } = event
  const task = typeof name === 'string' ? name : null
  const count = typeof retries === 'number' && retries > 0 ? wholeNumber(retries) : 0
  const options = {
    reported_by: source,
    ...(count > 0 && { retries: count }),
    ...argumentsOf(event, task, privacy),
    ...(typeof event.eta === 'string' && { eta: event.eta }),
    ...(typeof event.expires === 'string' && { expires: event.expires }),
    ...(typeof event.exchange === 'string' && { exchange: event.exchange }),
  }
  return {
    source,
    name: eventText(name),
    options: jsonbText(options),
    retries: count,
    queue: queueOf(event),
    routingKey: typeof event.routing_key === 'string' ? storableText(event.routing_key) : null,
    origin: source === 'task-sent' ? eventText(event.hostname) : null,
    etaMs: optionalTime(event.eta),
    expiresMs: optionalTime(event.expires),
    ...familyOf({
      id: taskId,
      rootId: eventText(rootId),
      parentId: eventText(parentId),
      group: null,
    }),
  }
}

/** AMQP has no longer names: what is longer names no queue. */
function queueOf({ queue }: CeleryEvent): string | null {
  const name = eventText(queue)
  return name === null || Buffer.byteLength(name) > LONGEST_QUEUE_NAME ? null : name
}

const LONGEST_QUEUE_NAME = 255

type CallEntry = Pick<TaskEntry, 'source' | 'options'>

/** Reprs, for people to read. */
function argumentsOf({ args, kwargs }: CeleryEvent, task: string | null, privacy: Privacy) {
  return {
    ...(typeof args === 'string' && { argsrepr: privacy.argumentsText(args, task) }),
    ...(typeof kwargs === 'string' && { kwargsrepr: privacy.argumentsText(kwargs, task) }),
  }
}

function progressOf(event: CeleryEvent, hearing: Hearing): TaskProgress | null {
  const { entry, privacy, atMs } = hearing
  if (event.type === 'task-sent') return publishedProgress(asNumber(event.retries) ?? 0)
  const run = runEvent(event)
  if (run !== undefined) return runProgress(event, run, { atMs, privacy })
  const outcome = outcomeOf(event.outcome, privacy)
  const state = outcome?.state ?? STATES.get(event.type)?.(event)
  if (state === undefined) return null
  const traceback = eventText(event.traceback) ?? outcome?.traceback ?? null
  return {
    state: storableText(state),
    stateAtMs: atMs,
    receivedAtMs: event.type === 'task-received' ? atMs : null,
    startedAtMs: event.type === 'task-started' ? atMs : null,
    runtimeMs: runtimeMsOf(event),
    worker: entry.hostname,
    exception: safeText(exceptionOf(event, traceback), privacy),
    traceback: safeText(traceback, privacy),
    stored: outcome?.stored ?? null,
  }
}

/** Seconds as Celery writes them; what no clock can have measured is not kept. */
function runtimeMsOf({ runtime }: CeleryEvent): number | null {
  const ms = typeof runtime === 'number' ? runtime * 1000 : Number.NaN
  return ms >= 0 && ms < LONGEST_RUN_MS ? ms : null
}

/** A hundred years. */
const LONGEST_RUN_MS = 3_155_760_000_000

type StateOf = (event: CeleryEvent) => string

/** A task that goes back into its queue, or whose worker gives it up, will be run again. */
const STATES: ReadonlyMap<string, StateOf> = new Map<string, StateOf>([
  ['task-received', () => 'RECEIVED'],
  ['task-started', () => 'STARTED'],
  ['task-succeeded', () => 'SUCCESS'],
  ['task-failed', () => 'FAILURE'],
  ['task-retried', () => 'RETRY'],
  ['task-cancelled', () => 'RETRY'],
  ['task-rejected', ({ requeue }) => (requeue === true ? 'RETRY' : 'REJECTED')],
  ['task-revoked', () => 'REVOKED'],
])

const CALLS: ReadonlyMap<string, CallSource> = new Map<string, CallSource>([
  ['task-sent', 'task-sent'],
  ['task-received', 'task-received'],
])

function exceptionOf(event: CeleryEvent, traceback: string | null): string | null {
  if (event.type === 'task-revoked') return revokedText(event)
  return typeof event.exception === 'string' ? errorText(event.exception, traceback) : null
}

/** A clock that is far off must not make a task so old that it is pruned at once. */
function isCredible(happenedAtMs: number, receivedAtMs: number): boolean {
  return receivedAtMs - happenedAtMs < 7 * DAY_MS
}

const DAY_MS = 86_400_000

/** Null where it cannot be read: an event is not refused for that. */
function optionalTime(value: unknown): number | null {
  try {
    return typeof value === 'string' ? timeMs(value) : null
  } catch {
    return null
  }
}

/** The same for all such events, so that none of them is later than another. */
const OF_AN_EVENT = jsonbText({ reported_by: 'event' })

const NOTHING = {
  kind: 'task',
  name: null,
  args: null,
  kwargs: null,
  followUps: null,
  queue: null,
  routingKey: null,
  origin: null,
  lang: null,
  rootId: null,
  parentId: null,
  groupId: null,
  etaMs: null,
  expiresMs: null,
  retries: 0,
  nesting: 0,
  changes: 0,
  creatorId: null,
  relatedType: null,
  relatedId: null,
  isResult: false,
  replayOf: null,
  resultBodies: [],
  firstCall: null,
  isClash: false,
} as const
