import type { CeleryEvent } from '../../protocol/events.ts'
import { familyOf, type TaskEntry } from '../mirror/task-entry.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { jsonbText } from '../stored/stored-json.ts'
import { publishedProgress, type TaskProgress } from '../tasks/task-progress.ts'
import { safeText } from './error-text.ts'
import { textOf } from './event-entry.ts'

/** How a run of a recipe goes: the run is the root of its family, each message to one of its nodes a member. */
export function isOfRecipe({ type }: CeleryEvent): boolean {
  return STATES.has(type)
}

export function recipeCall(event: CeleryEvent, taskId: string) {
  const { name, type, root_id: rootId, parent_id: parentId } = event
  return {
    toldBy: 'event' as const,
    options: OF_A_RECIPE,
    kind: type.startsWith('recipe-step-') ? 'recipe-step' : 'recipe',
    name: textOf(name),
    ...familyOf({ id: taskId, rootId: textOf(rootId), parentId: textOf(parentId), group: null }),
  } satisfies Partial<TaskEntry>
}

/** No worker is named: a service is none, and is not to be missed as one. */
export function recipeProgress(
  event: CeleryEvent,
  { atMs, privacy }: { readonly atMs: number; readonly privacy: Privacy },
): TaskProgress {
  const state = STATES.get(event.type)
  if (state === undefined || state === 'PENDING') return publishedProgress(0)
  return {
    ...publishedProgress(0),
    state,
    stateAtMs: atMs,
    startedAtMs: event.type === 'recipe-step-started' ? atMs : null,
    exception: safeText(textOf(event.exception), privacy),
    traceback: safeText(textOf(event.traceback), privacy),
  }
}

/** A run itself is over once it is dispatched: from there on its messages carry it. */
const STATES: ReadonlyMap<string, string> = new Map([
  ['recipe-dispatched', 'SUCCESS'],
  ['recipe-step-sent', 'PENDING'],
  ['recipe-step-started', 'STARTED'],
  ['recipe-step-succeeded', 'SUCCESS'],
  ['recipe-step-given-back', 'RETRY'],
  ['recipe-step-failed', 'FAILURE'],
])

/** The same for all such events. What a step makes goes on in messages, no backend has it. */
const OF_A_RECIPE = jsonbText({ told_by: 'event', ignore_result: true })
