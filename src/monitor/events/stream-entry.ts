import { encodeJson } from '../../codecs/json.ts'
import type { CeleryEvent } from '../../protocol/events.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { familyOf, type TaskEntry } from '../mirror/task-entry.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { jsonbText } from '../stored/stored-json.ts'
import { publishedProgress, type TaskProgress } from '../tasks/task-progress.ts'
import { safeText } from './error-text.ts'
import { textOf } from './event-entry.ts'

/** How a run of a block goes: begun, sampled, ended. There is never one a message. */
export function isOfStream({ type }: CeleryEvent): boolean {
  return TYPES.has(type)
}

export function streamCall(event: CeleryEvent, taskId: string) {
  const { name, root_id: rootId, parent_id: parentId } = event
  return {
    toldBy: 'event' as const,
    options: OF_A_STREAM,
    kind: 'stream-block',
    name: textOf(name),
    ...familyOf({ id: taskId, rootId: textOf(rootId), parentId: textOf(parentId), group: null }),
  } satisfies Partial<TaskEntry>
}

/** No worker is named: who runs a block is none, and is not to be missed as one. */
export function streamProgress(
  event: CeleryEvent,
  { atMs, privacy }: { readonly atMs: number; readonly privacy: Privacy },
): TaskProgress {
  const exception = safeText(textOf(event.exception), privacy)
  return {
    ...publishedProgress(0),
    state: stateOf(event, exception),
    stateAtMs: atMs,
    startedAtMs: event.type === 'stream-started' ? atMs : null,
    exception,
    traceback: safeText(textOf(event.traceback), privacy),
    stored: countsOf(event, exception, privacy),
  }
}

function stateOf({ type }: CeleryEvent, exception: string | null): string {
  if (type !== 'stream-ended') return 'STARTED'
  return exception === null ? 'SUCCESS' : 'FAILURE'
}

/** The numbers of the run are its result, so far or in the end; a run that failed has its error there. */
function countsOf(
  { counts }: CeleryEvent,
  exception: string | null,
  privacy: Privacy,
): string | null {
  return isRecord(counts) && exception === null ? encodeJson(privacy.outcome(counts)) : null
}

const TYPES: ReadonlySet<string> = new Set(['stream-started', 'stream-sampled', 'stream-ended'])

/** The same for all such events. No backend has a result of a block, and none is to be looked for there. */
const OF_A_STREAM = jsonbText({ told_by: 'event', ignore_result: true })
