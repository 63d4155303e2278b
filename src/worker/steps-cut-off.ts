import { readSignature } from '../protocol/signatures.ts'
import type { SignatureDict } from '../protocol/task-request.ts'
import type { TaskResult } from '../protocol/task-result.ts'
import type { ChordMember } from '../results/result-store.ts'
import { flatMembers, isChain, isChord, isGroup, listOf, tasksOf } from '../tasks/canvas/dicts.ts'

/** A step that will never run, and the chord that waits for it. */
interface StepCutOff {
  readonly taskId: string
  readonly groupId: string | null
  readonly groupIndex: number | null
  readonly chord: SignatureDict | null
}

/**
 * Gives steps that will never run the error that cut them off, so that whoever waits for the end is told; those that are
 * members of a chord are counted there.
 */
export async function failSteps(
  steps: readonly SignatureDict[],
  failure: Omit<TaskResult, 'taskId'>,
  parts: {
    readonly save: (result: TaskResult) => Promise<void>
    readonly saveMember: (member: ChordMember, body: SignatureDict) => Promise<void>
  },
): Promise<void> {
  await Promise.all(
    steps.flatMap(cutOffWithin).map(async ({ taskId, groupId, groupIndex, chord }) => {
      const result = { ...failure, taskId, name: null }
      if (chord === null || groupId === null) await parts.save(result)
      else await parts.saveMember({ groupId, groupIndex, result }, chord)
    }),
  )
}

/** Members of groups, bodies of chords and what stands behind them are among them. */
function cutOffWithin(step: SignatureDict): StepCutOff[] {
  if (isChain(step)) return tasksOf(step).flatMap(cutOffWithin)
  if (isGroup(step)) return flatMembers(step).flatMap(cutOffWithin)
  if (isChord(step)) return cutOffWithin(readSignature(step.kwargs.body))
  const { task_id, group_id, group_index, chord, chain } = step.options
  const behind = listOf(chain).flatMap((next) => cutOffWithin(readSignature(next)))
  if (typeof task_id !== 'string') return behind
  return [
    {
      taskId: task_id,
      groupId: typeof group_id === 'string' ? group_id : null,
      groupIndex: typeof group_index === 'number' ? group_index : null,
      chord: chord === undefined || chord === null ? null : readSignature(chord),
    },
    ...behind,
  ]
}
