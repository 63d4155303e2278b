import { TaskError } from '../../errors.ts'
import { taskIdOf } from '../../protocol/signature-tree/options.ts'
import { endOf } from '../../protocol/signature-tree/parts.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import type { ResultStore } from '../../results/result-store.ts'
import type { TaskRegistry } from '../task-registry.ts'
import { taskNames } from './dicts.ts'

/**
 * Begins to count a chord, where that can work: where Python's workers count in the same place (Redis), in any language; elsewhere only our own
 * workers count, so all members must be tasks of this app; one that becomes something else hands the chord over. False where the chord has to be waited for.
 */
export async function beginCounting(
  results: ResultStore,
  chord: {
    readonly groupId: string
    readonly members: readonly SignatureDict[]
    readonly tasks: TaskRegistry
  },
): Promise<boolean> {
  const { groupId, members, tasks } = chord
  if (!results.features.isShared) {
    throw new TaskError(
      'TASK_INVALID',
      `the result backend "${results.kind}" cannot do chords: set result_backend to db+postgresql://, redis:// or memory://`,
    )
  }
  if (results.chords === undefined) return false
  const isOurs = members.flatMap(taskNames).every((name) => tasks.get(name) !== undefined)
  if (results.chords.isSharedWithPython !== true && !isOurs) return false
  await results.chords.begin(
    groupId,
    members.length,
    // Chains and chords whose ids are fixed have it as their own.
    members.map((member) => taskIdOf(endOf(member))),
  )
  return true
}
