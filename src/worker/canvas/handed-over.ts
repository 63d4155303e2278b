import { isRecord } from '../../protocol/field-readers.ts'
import { endOf, taskNames } from '../../protocol/signature-tree/parts.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict, TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { ResultTuple } from '../../results/result-node.ts'
import type { App } from '../../tasks/app/app.ts'
import { runInTaskContext } from '../../tasks/calls/current-request.ts'
import { publishUnlockOf } from '../../tasks/canvas/start-chord.ts'
import { leaveBody, type PendingChordBody } from './pending-chord-body.ts'

interface WaitingChord {
  readonly groupId: string
  readonly body: SignatureDict
}

/**
 * Before a task is replaced by something that tasks of other apps, or of Python, are part of: their workers count no members
 * in PostgreSQL, so the chords that wait for the task's end, and those around them, are handed over to
 * `celery.chord_unlock`. The outermost comes first: Python does not report a failed inner one to the outer one.
 */
export async function handOverChords(
  app: App,
  request: TaskRequest,
  replacement: SignatureDict,
): Promise<void> {
  const waiting = chordsWaitingFor(request)
  if (waiting.length === 0) return
  const isOurs = taskNames(replacement).every((name) => app.tasks.get(name) !== undefined)
  const { chords } = await app.results()
  if (isOurs || chords?.handOver === undefined) return
  for (const { groupId, body } of waiting.toReversed()) {
    const left = { body, caller: request }
    await chords.handOver({ groupId, body: leaveBody(app, left) }, unlockOf(app, groupId, left))
  }
}

/** Publishes the task that waits for the members of a chord that is counted no longer. */
export function unlockOf(
  app: App,
  groupId: string,
  { body, caller }: PendingChordBody,
): (memberIds: readonly string[]) => Promise<void> {
  return async (memberIds) => {
    const results = memberIds.map((id): ResultTuple => [[id, null], null])
    await runInTaskContext(caller, async () => publishUnlockOf(app, { groupId, body, results }))
    app.logger.info({ groupId, members: memberIds.length }, 'chord handed over to chord_unlock')
  }
}

/** The chords that the end of a task is a member of, by itself or through the rest of its chain, and those around them. */
function chordsWaitingFor({ chord, group, chain }: TaskRequest): readonly WaitingChord[] {
  const own = { group_id: group, chord }
  return [own, ...(chain ?? []).map((step) => endOf(step).options)].flatMap(withOuter)
}

/** The innermost first. */
function withOuter({ group_id, chord }: SignatureDict['options']): WaitingChord[] {
  if (typeof group_id !== 'string' || !isRecord(chord)) return []
  const body = readSignature(chord, 'the body of a chord')
  return [{ groupId: group_id, body }, ...withOuter(endOf(body).options)]
}
