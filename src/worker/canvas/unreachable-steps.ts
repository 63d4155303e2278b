import type { Logger } from '../../logger.ts'
import type { TaskResult } from '../../protocol/results/task-result.ts'
import { isTask } from '../../protocol/signature-tree/kinds.ts'
import { listOf } from '../../protocol/signature-tree/options.ts'
import { isGathered, partsOf } from '../../protocol/signature-tree/parts.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import type { ChordMember } from '../../results/result-store.ts'
import { isRefusedForGood } from '../../results/unsaved.ts'

/** A step that will never run, and the chord that waits for it. */
interface UnreachableStep {
  readonly taskId: string
  readonly groupId: string | null
  readonly groupIndex: number | null
  readonly chord: SignatureDict | null
}

/** The result of what never ran; `childrenOf` what was called because of it. */
export interface Failure extends Omit<TaskResult, 'taskId'> {
  readonly childrenOf?: (taskId: string) => readonly unknown[]
}

/**
 * Gives steps that will never run the error that cut them off, for the callers that wait for the last one; those that are
 * members of a chord are counted there.
 */
export async function failUnreachable(
  steps: readonly SignatureDict[],
  { childrenOf = () => [], ...failure }: Failure,
  parts: {
    readonly save: (result: TaskResult) => Promise<void>
    readonly saveMember: (member: ChordMember, body: SignatureDict) => Promise<void>
    readonly logger: Logger
  },
): Promise<void> {
  await Promise.all(
    steps.flatMap(cutOffWithin).map(async ({ taskId, groupId, groupIndex, chord }) => {
      const result = { ...failure, taskId, name: null, children: childrenOf(taskId) }
      try {
        if (chord === null || groupId === null) await parts.save(result)
        else await parts.saveMember({ groupId, groupIndex, result }, chord)
      } catch (error) {
        if (!isRefusedForGood(error)) throw error
        const about = { taskId: taskId.slice(0, 300), err: error }
        parts.logger.error(about, 'the failure of a step that will not run can never be stored')
      }
    }),
  )
}

/** Members of groups, bodies of chords and what stands behind any of them (`options.chain`) are among them. */
function cutOffWithin(step: SignatureDict): UnreachableStep[] {
  const behind = listOf(step.options.chain).map((next) => readSignature(next, 'options.chain'))
  // A chord's header never started, so its members are left out, but for a group that is one member of a chord.
  const hasHeader = isGathered(step)
  const within = partsOf(step).filter(([place]) => hasHeader || place !== 'header')
  const own = isTask(step) ? cutOff(step) : within.flatMap(([, part]) => cutOffWithin(part))
  return [...own, ...behind.flatMap(cutOffWithin)]
}

function cutOff({ options }: SignatureDict): UnreachableStep[] {
  const { task_id, group_id, group_index, chord } = options
  if (typeof task_id !== 'string') return []
  return [
    {
      taskId: task_id,
      groupId: typeof group_id === 'string' ? group_id : null,
      groupIndex: typeof group_index === 'number' ? group_index : null,
      chord: chord === undefined || chord === null ? null : readSignature(chord, 'options.chord'),
    },
  ]
}
