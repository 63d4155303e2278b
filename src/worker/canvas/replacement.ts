import { isChain, isChord, isTask } from '../../protocol/signature-tree/kinds.ts'
import { listOf, withOptions } from '../../protocol/signature-tree/options.ts'
import { endOf, mapParts } from '../../protocol/signature-tree/parts.ts'
import type { CallOptions } from '../../protocol/tasks/call-options.ts'
import type { SignatureDict, TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { App } from '../../tasks/app/app.ts'
import { runInTaskContext } from '../../tasks/calls/current-request.ts'
import { areFollowupsTaken } from '../../tasks/calls/followups.ts'
import { withEndOptions } from '../../tasks/canvas/freeze.ts'
import { joinedAll } from '../../tasks/canvas/join.ts'
import { endingAsOne } from '../../tasks/canvas/rewrite.ts'
import { handOverChords } from './handed-over.ts'

/**
 * Starts the signature that takes a task's place: its end has the task's id, its place in a group and chord, and its
 * callbacks; then comes what would have come after the task.
 * https://docs.celeryq.dev/en/stable/reference/celery.app.task.html#celery.app.task.Task.replace
 */
export async function startReplacement(
  app: App,
  request: TaskRequest,
  signature: SignatureDict,
): Promise<void> {
  const whole = endingAsOne(signature)
  await handOverChords(app, request, whole)
  const behind = (request.chain ?? []).toReversed()
  const isPlaced = behind.length === 0 || isTask(whole)
  // A body without a group has none even if its chord has one, as in Celery.
  const none = isChord(whole) ? { group_id: null } : {}
  const end = { ...endOptions(whole, request), ...none, ...(isPlaced ? placeOf(request) : {}) }
  const taken = withErrbacks(withEndOptions(whole, end), request)
  const replacedTaskNesting = request.replacedTaskNesting + 1
  // Each step says how deep it is in replacements, those behind the task too.
  const nested = (step: SignatureDict): SignatureDict =>
    withOptions(step, { replaced_task_nesting: replacedTaskNesting })
  const first = isChain(taken) ? mapParts(taken, nested) : nested(taken)
  const links = { isOnHeader: app.linksChordHeaders }
  await runInTaskContext(request, async () => {
    await app.start(joinedAll(first, behind.map(nested), links), {
      options: behind.length === 0 ? rootOf(request) : {},
    })
  })
}

/** All tasks of what takes its place alone belong to its family; steps behind it may belong to another one. */
function rootOf({ rootId }: TaskRequest): CallOptions {
  return rootId === null ? {} : { rootId }
}

function endOptions(whole: SignatureDict, request: TaskRequest): Record<string, unknown> {
  const callbacks = areFollowupsTaken(request) ? [] : (request.callbacks ?? [])
  const link = [...listOf(endOf(whole).options.link), ...callbacks]
  return {
    task_id: request.id,
    ...(request.replyTo === null ? {} : { reply_to: request.replyTo }),
    ...(link.length === 0 ? {} : { link }),
  }
}

/** Its place in a group and chord; with steps behind it, which have their own, what is no single task has none, as in Celery. */
function placeOf({ group, groupIndex, chord }: TaskRequest): Record<string, unknown> {
  return {
    ...(group === null ? {} : { group_id: group }),
    ...(groupIndex === null ? {} : { group_index: groupIndex }),
    ...(chord === null ? {} : { chord }),
  }
}

/** Errbacks belong to every step of a chain, which hands them out when it starts. */
function withErrbacks(whole: SignatureDict, request: TaskRequest): SignatureDict {
  const errbacks = areFollowupsTaken(request) ? [] : (request.errbacks ?? [])
  if (errbacks.length === 0) return whole
  const own = isChain(whole) ? whole.options : endOf(whole).options
  const link_error = [...listOf(own.link_error), ...errbacks]
  return isChain(whole) ? withOptions(whole, { link_error }) : withEndOptions(whole, { link_error })
}
