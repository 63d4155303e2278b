import {
  chainDict,
  chordDict,
  isChain,
  isChord,
  isGroup,
} from '../../protocol/signature-tree/kinds.ts'
import {
  bodyOf,
  endsWithGroup,
  tasksOf,
  withBody,
  withTasks,
} from '../../protocol/signature-tree/parts.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { linkedSteps } from './rewrite.ts'

/**
 * A group cannot hand its results to a next step: with one behind it, it is the header of a chord. Done before a chain
 * is sent, as in Celery, whose workers lose the arguments of a chain that begins with a group.
 */
export function groupsToChords(
  steps: readonly SignatureDict[],
  links: Links,
): readonly SignatureDict[] {
  const at = steps.findIndex((step, index) => index < steps.length - 1 && endsWithGroup(step))
  const step = steps[at]
  if (step === undefined) return steps
  const behind = groupsToChords(steps.slice(at + 1), links)
  return [...steps.slice(0, at), withBehind(step, behind, links)]
}

/** Whether errbacks of a chord are its header's too. */
interface Links {
  readonly isOnHeader: boolean
}

/** The signature with these steps behind the group that it ends with. Callbacks of a chain are not those of what stands behind it. */
function withBehind(
  dict: SignatureDict,
  steps: readonly SignatureDict[],
  links: Links,
): SignatureDict {
  if (isChain(dict)) {
    const { task_id: _endsEarlier, link: _its, link_error: _own, ...options } = dict.options
    const all = [...linkedSteps(dict, links), ...steps]
    return withTasks({ ...dict, options }, groupsToChords(all, links))
  }
  if (isChord(dict)) return withBody(dict, withBehind(bodyOf(dict), steps, links))
  const [only, another] = steps
  const body = only !== undefined && another === undefined ? only : chainDict(steps)
  return chordDict(dict, body)
}

/** Steps without the empty groups among them, as in Celery; a chain of nothing else keeps one, whose value is []. */
export function withoutEmptyGroups(steps: readonly SignatureDict[]): readonly SignatureDict[] {
  const others = steps.filter((step) => !isEmpty(step))
  return others.length > 0 ? others : steps.slice(-1)
}

/** An empty group, or a chain of nothing else. */
function isEmpty(step: SignatureDict): boolean {
  if (isChain(step)) return tasksOf(step).every(isEmpty)
  return isGroup(step) && tasksOf(step).length === 0
}
