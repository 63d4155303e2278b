import { encodeJson } from '../../codecs/json/json.ts'
import type { CeleryEvent } from '../../protocol/events/events.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { familyOf, type TaskEntry } from '../mirror/task-entry.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { jsonbText } from '../stored/stored-json.ts'
import { publishedProgress, type TaskProgress } from '../tasks/task-progress.ts'
import { safeText } from './error-text.ts'
import { eventText } from './event-entry.ts'

/**
 * An event of a run that no Celery worker runs: of a flow, a recipe or a block of a stream, or of one of their steps. The
 * run is the root of a family; its steps are members.
 */
interface RunEvent {
  readonly kind: string
  readonly state: string
  /** From here on the row has the time of its start. */
  readonly isStart?: boolean
}

/** Undefined of every other event. */
export function runEvent({ type }: CeleryEvent): RunEvent | undefined {
  return RUN_EVENTS.get(type)
}

/** A message knows better, of a step that is a task of its own. */
export function runCall(event: CeleryEvent, { kind }: RunEvent, taskId: string) {
  const { name, root_id: rootId, parent_id: parentId } = event
  return {
    source: 'event' as const,
    options: OF_A_RUN,
    kind,
    name: eventText(name),
    ...familyOf({
      id: taskId,
      rootId: eventText(rootId),
      parentId: eventText(parentId),
      group: null,
    }),
  } satisfies Partial<TaskEntry>
}

/** No worker is named: an engine, a service or a block is none, and is not looked for as one. */
export function runProgress(
  event: CeleryEvent,
  { state, isStart = false }: RunEvent,
  { atMs, privacy }: { readonly atMs: number; readonly privacy: Privacy },
): TaskProgress {
  // Of a step that a Celery task runs, its message and its worker tell how it goes.
  if (event.is_remote === true || state === 'PENDING') return publishedProgress(0)
  const exception = safeText(eventText(event.exception), privacy)
  // A block ends well or not in an event of one type.
  const hasFailed = event.type === 'stream-ended' && exception !== null
  return {
    ...publishedProgress(0),
    state: hasFailed ? 'FAILURE' : state,
    stateAtMs: atMs,
    startedAtMs: isStart ? atMs : null,
    exception,
    traceback: safeText(eventText(event.traceback), privacy),
    stored: hasFailed ? null : countsOf(event, privacy),
  }
}

/** The numbers of a block's run are its result, so far or in the end. */
function countsOf({ counts }: CeleryEvent, privacy: Privacy): string | null {
  return isRecord(counts) ? encodeJson(privacy.outcome(counts)) : null
}

const STEP = { kind: 'flow-step' }
const FLOW = { kind: 'flow' }
const RECIPE_STEP = { kind: 'recipe-step' }
const BLOCK = { kind: 'stream-block' }

/** The revert of a flow's step is an attempt of its own, which succeeds where it has undone its step. */
const RUN_EVENTS: ReadonlyMap<string, RunEvent> = new Map<string, RunEvent>([
  ['flow-started', { ...FLOW, state: 'STARTED', isStart: true }],
  ['flow-suspended', { ...FLOW, state: 'SUSPENDED' }],
  ['flow-succeeded', { ...FLOW, state: 'SUCCESS' }],
  ['flow-reverted', { ...FLOW, state: 'FAILURE' }],
  ['flow-failed', { ...FLOW, state: 'FAILURE' }],
  ['flow-step-started', { ...STEP, state: 'STARTED', isStart: true }],
  ['flow-step-succeeded', { ...STEP, state: 'SUCCESS' }],
  ['flow-step-failed', { ...STEP, state: 'FAILURE' }],
  ['flow-step-reverting', { ...STEP, state: 'STARTED', isStart: true }],
  ['flow-step-reverted', { ...STEP, state: 'SUCCESS' }],
  ['flow-step-revert-failed', { ...STEP, state: 'FAILURE' }],
  ['flow-step-ignored', { ...STEP, state: 'IGNORED' }],
  // A run of a recipe is over once it is dispatched: from there on its messages carry it.
  ['recipe-dispatched', { kind: 'recipe', state: 'SUCCESS' }],
  ['recipe-step-sent', { ...RECIPE_STEP, state: 'PENDING' }],
  ['recipe-step-started', { ...RECIPE_STEP, state: 'STARTED', isStart: true }],
  ['recipe-step-succeeded', { ...RECIPE_STEP, state: 'SUCCESS' }],
  ['recipe-step-given-back', { ...RECIPE_STEP, state: 'RETRY' }],
  ['recipe-step-failed', { ...RECIPE_STEP, state: 'FAILURE' }],
  // There is never an event of a block for each message.
  ['stream-started', { ...BLOCK, state: 'STARTED', isStart: true }],
  ['stream-sampled', { ...BLOCK, state: 'STARTED' }],
  ['stream-ended', { ...BLOCK, state: 'SUCCESS' }],
])

/** The same for all such events. What a step results in is kept by its run: no result backend is to be asked. */
const OF_A_RUN = jsonbText({ reported_by: 'event', ignore_result: true })
