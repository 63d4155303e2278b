import { isChain, isChord, isGroup } from '../../protocol/signature-tree/kinds.ts'
import { bodyOf, tasksOf, withBody, withTasks } from '../../protocol/signature-tree/parts.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import { chainDict, chordDict } from './dicts.ts'

/**
 * A group cannot hand its results to a next step: with one behind it, it is the header of a chord. Done before a chain
 * is sent, as in Celery, whose workers lose the arguments of a chain that begins with a group.
 */
export function groupsToChords(steps: readonly SignatureDict[]): readonly SignatureDict[] {
  const at = steps.findIndex((step, index) => index < steps.length - 1 && endsWithGroup(step))
  const step = steps[at]
  if (step === undefined) return steps
  return [...steps.slice(0, at), withBehind(step, groupsToChords(steps.slice(at + 1)))]
}

/** The signature with these steps behind the group that it ends with. */
function withBehind(dict: SignatureDict, steps: readonly SignatureDict[]): SignatureDict {
  if (isChain(dict)) {
    const { task_id: _endsEarlier, ...options } = dict.options
    return withTasks({ ...dict, options }, groupsToChords([...tasksOf(dict), ...steps]))
  }
  if (isChord(dict)) return withBody(dict, withBehind(bodyOf(dict), steps))
  const [only, another] = steps
  const body = only !== undefined && another === undefined ? only : chainDict(steps)
  return chordDict(dict, body)
}

function endsWithGroup(dict: SignatureDict): boolean {
  if (isChord(dict)) return endsWithGroup(bodyOf(dict))
  const last = isChain(dict) ? tasksOf(dict).at(-1) : undefined
  return last === undefined ? isGroup(dict) : endsWithGroup(last)
}
