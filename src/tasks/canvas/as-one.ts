import { isChain, isChord, isGroup } from '../../protocol/signature-tree/kinds.ts'
import {
  bodyOf,
  GATHER,
  tasksOf,
  withBody,
  withTasks,
} from '../../protocol/signature-tree/parts.ts'
import { signatureDict } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { chordDict, unrolled } from './dicts.ts'

/**
 * The same signature with one task at its end, so that it can be one member of a chord, or stand in one task's place:
 * a group that it ends with is gathered by `celery.accumulate`, as Celery's `replace` does it.
 */
export function endingAsOne(dict: SignatureDict): SignatureDict {
  if (isGroup(dict)) return chordDict(dict, gather())
  if (isChord(dict)) return withBody(dict, endingAsOne(bodyOf(dict)))
  const steps = isChain(dict) ? tasksOf(dict) : []
  const last = steps.at(-1)
  if (last === undefined) return dict
  return withTasks(dict, [...steps.slice(0, -1), endingAsOne(unrolled(last))])
}

function gather(): SignatureDict {
  return signatureDict({ task: GATHER, kwargs: { index: 0 } })
}
