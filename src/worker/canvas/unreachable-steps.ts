import { isTask } from '../../protocol/signature-tree/kinds.ts'
import { listOf } from '../../protocol/signature-tree/options.ts'
import { isGathered, partsOf } from '../../protocol/signature-tree/parts.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { withEndOptions } from '../../tasks/canvas/freeze.ts'

/** A step that will never run, and the chord that waits for it. */
export interface UnreachableStep {
  readonly taskId: string
  readonly groupId: string | null
  readonly groupIndex: number | null
  readonly chord: SignatureDict | null
}

/**
 * The steps that will never run where this one does not. Members of groups, bodies of chords and what stands behind any of them
 * (`options.chain`) are among them.
 */
export function unreachableSteps(step: SignatureDict): UnreachableStep[] {
  const behind = listOf(step.options.chain).map((next) => readSignature(next, 'options.chain'))
  // A chord's header never started, so its members are left out, but for a group that is one member of a chord.
  const hasHeader = isGathered(step)
  const within = partsOf(step).filter(([place]) => hasHeader || place !== 'header')
  const own = isTask(step)
    ? ownEnd(step)
    : within.flatMap(([place, part]) =>
        unreachableSteps(place === 'member' ? counted(part, step) : part),
      )
  return [...own, ...behind.flatMap(unreachableSteps)]
}

/** A group that a member of a chord ends with has the chord in its own options, for its members. */
function counted(member: SignatureDict, { options: { chord } }: SignatureDict): SignatureDict {
  return chord === undefined || chord === null ? member : withEndOptions(member, { chord })
}

/** What waits for the step itself, not for its parts; without its chord, where that cannot be read either. */
export function readableEnd(step: SignatureDict): UnreachableStep[] {
  try {
    return ownEnd(step)
  } catch {
    return ownEnd({ ...step, options: { ...step.options, chord: null } })
  }
}

function ownEnd({ options }: SignatureDict): UnreachableStep[] {
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
