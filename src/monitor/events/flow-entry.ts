import type { CeleryEvent } from '../../protocol/events.ts'
import { familyOf, type TaskEntry } from '../mirror/task-entry.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { jsonbText } from '../stored/stored-json.ts'
import { publishedProgress, type TaskProgress } from '../tasks/task-progress.ts'
import { safeText } from './error-text.ts'
import { textOf } from './event-entry.ts'

/** What happens to a run of a flow, or to an attempt at one of its steps: both are members of the run's family. */
export function isOfFlow({ type }: CeleryEvent): boolean {
  return FLOW_STATES.has(type)
}

/** A message knows better, of a step that is a task of its own. */
export function flowCall(event: CeleryEvent, taskId: string) {
  const { name, type, root_id: rootId, parent_id: parentId } = event
  return {
    toldBy: 'event' as const,
    options: OF_A_FLOW,
    kind: type.startsWith('flow-step-') ? 'flow-step' : 'flow',
    name: textOf(name),
    ...familyOf({ id: taskId, rootId: textOf(rootId), parentId: textOf(parentId), group: null }),
  } satisfies Partial<TaskEntry>
}

/** No worker is named: who runs a flow is none, and is not to be missed as one. */
export function flowProgress(
  event: CeleryEvent,
  { atMs, privacy }: { readonly atMs: number; readonly privacy: Privacy },
): TaskProgress {
  if (event.is_remote === true) return publishedProgress(0)
  const state = FLOW_STATES.get(event.type) ?? 'STARTED'
  return {
    ...publishedProgress(0),
    state,
    stateAtMs: atMs,
    startedAtMs: STARTS.has(event.type) ? atMs : null,
    exception: safeText(textOf(event.exception), privacy),
    traceback: safeText(textOf(event.traceback), privacy),
  }
}

/** A revert is an attempt of its own, which succeeds where it has undone its step. */
const FLOW_STATES: ReadonlyMap<string, string> = new Map([
  ['flow-started', 'STARTED'],
  ['flow-suspended', 'SUSPENDED'],
  ['flow-succeeded', 'SUCCESS'],
  ['flow-reverted', 'FAILURE'],
  ['flow-failed', 'FAILURE'],
  ['flow-step-started', 'STARTED'],
  ['flow-step-succeeded', 'SUCCESS'],
  ['flow-step-failed', 'FAILURE'],
  ['flow-step-reverting', 'STARTED'],
  ['flow-step-reverted', 'SUCCESS'],
  ['flow-step-revert-failed', 'FAILURE'],
  ['flow-step-ignored', 'IGNORED'],
])

const STARTS: ReadonlySet<string> = new Set([
  'flow-started',
  'flow-step-started',
  'flow-step-reverting',
])

/** The same for all such events. Results of steps are kept with their flow, so that no backend lacks them. */
const OF_A_FLOW = jsonbText({ told_by: 'event', ignore_result: true })
