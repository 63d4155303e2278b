import { randomUUID } from 'node:crypto'
import { readSignature } from '../protocol/signatures.ts'
import type { SignatureDict, TaskRequest } from '../protocol/task-request.ts'
import { chainDict, isChord, isGroup, taskIdOf } from '../tasks/canvas/dicts.ts'
import { asPartOf } from '../tasks/current-request.ts'
import { areFollowupsTaken } from '../tasks/followups.ts'
import type { Publisher } from '../tasks/publisher.ts'

/**
 * What a success leads to, published before the result is stored: its callbacks, then the next step of its chain
 * (the order of Celery's tracer).
 */
export async function publishAfterSuccess(
  publisher: Publisher,
  request: TaskRequest,
  value: unknown,
): Promise<void> {
  const callbacks = areFollowupsTaken(request) ? null : request.callbacks
  const { chain } = request
  if ((callbacks === null || callbacks.length === 0) && (chain === null || chain.length === 0))
    return
  await asPartOf(request, async () => {
    await startCallbacks(publisher, callbacks ?? [], value)
    if (chain !== null && chain.length > 0) {
      const steps = chainDict(chain.toReversed())
      await publisher.start(steps, { args: [value], isContinued: true })
    }
  })
}

/** What a failure leads to: its errbacks, each with the id of the failed task. */
export async function publishAfterFailure(
  publisher: Publisher,
  request: TaskRequest,
): Promise<void> {
  const errbacks = areFollowupsTaken(request) ? null : request.errbacks
  if (errbacks === null || errbacks.length === 0) return
  await asPartOf(request, async () => {
    await startAll(publisher, errbacks, request.id)
  })
}

/** The ids of the steps that will never run once a task has failed, bodies of chords among them. */
export function stepsCutOff(request: TaskRequest): readonly string[] {
  return (request.chain ?? []).flatMap(idsWithin)
}

function idsWithin(step: SignatureDict): string[] {
  const own = step.options.task_id === undefined ? [] : [taskIdOf(step)]
  if (isChord(step)) return [...own, ...idsWithin(readSignature(step.kwargs.body))]
  return isGroup(step) ? [] : own
}

async function startCallbacks(
  publisher: Publisher,
  callbacks: readonly SignatureDict[],
  value: unknown,
): Promise<void> {
  const [only] = callbacks
  if (callbacks.length === 1 && only !== undefined) {
    await publisher.start(only, { args: [value] })
    return
  }
  const groups = callbacks.filter(isGroup)
  await Promise.all(groups.map(async (group) => publisher.start(group, { args: [value] })))
  await startAll(
    publisher,
    callbacks.filter((callback) => !isGroup(callback)),
    value,
  )
}

/** Several at once form a group, as Celery's workers send them. */
async function startAll(
  publisher: Publisher,
  signatures: readonly SignatureDict[],
  argument: unknown,
): Promise<void> {
  const groupId = randomUUID()
  await Promise.all(
    signatures.map(async (signature, groupIndex) =>
      publisher.start(signature, { args: [argument], options: { groupId, groupIndex } }),
    ),
  )
}
