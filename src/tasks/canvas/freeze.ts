import { isChain, isChord, isGroup } from '../../protocol/signature-tree/kinds.ts'
import { taskIdOf, withOptions } from '../../protocol/signature-tree/options.ts'
import {
  bodyOf,
  endOf,
  flatMembers,
  headerGroup,
  tasksOf,
  unrolled,
  withBody,
  withTasks,
} from '../../protocol/signature-tree/parts.ts'
import { newTaskId } from '../../protocol/tasks/new-task-id.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { type ResultNode, taskNode } from '../../results/result-node.ts'

/**
 * The same signature with its ids fixed before it is sent, as the steps of a chain and the members of a chord need them
 * (Celery's `Signature.freeze`). The id of a chain is that of its end; a chord is known by the id of its header, and its
 * result by that of its body.
 */
export function frozen(dict: SignatureDict, fixed: Fixed): SignatureDict {
  if (isChain(dict)) return frozenChain(dict, fixed)
  if (isGroup(dict)) return frozenGroup(dict, fixed)
  if (isChord(dict)) return frozenChord(dict, fixed)
  const { reply_to = fixed.replyTo } = dict.options
  return withOptions(dict, { task_id: idOf(dict), reply_to, ...rootOf(fixed) })
}

/** What each task within gets. */
interface Fixed {
  /** Where it has none of its own. */
  readonly replyTo: string
  /** The family that all of it belongs to, where that is known. */
  readonly rootId?: string | undefined
}

function rootOf({ rootId }: Fixed): Readonly<Record<string, unknown>> {
  return rootId === undefined ? {} : { root_id: rootId }
}

/** Lays options over the task that a signature ends with: itself, the last step of a chain, the body of a chord. */
export function withEndOptions(
  dict: SignatureDict,
  options: Readonly<Record<string, unknown>>,
): SignatureDict {
  if (isChord(dict)) return withBody(dict, withEndOptions(bodyOf(dict), options))
  if (!isChain(dict)) return withOptions(dict, options)
  const steps = tasksOf(dict)
  const last = steps.at(-1)
  if (last === undefined) return dict
  const ended = withTasks(dict, [...steps.slice(0, -1), withEndOptions(last, options)])
  return 'task_id' in options ? withOptions(ended, { task_id: options.task_id }) : ended
}

/** A chord's body: its own id comes first, for Python gives a chord whose ids are fixed the id of its header. */
export function bodyWithId(chord: SignatureDict): SignatureDict {
  const { task_id } = chord.options
  const body = bodyOf(chord)
  const hasId = endOf(body).options.task_id !== undefined
  return hasId || task_id === undefined ? body : withEndOptions(body, { task_id })
}

/** Its own, if it has one; an empty id is none, as in Python. */
function idOf({ options: { task_id } }: SignatureDict): string {
  return typeof task_id === 'string' && task_id !== '' ? task_id : newTaskId()
}

function frozenChain(chain: SignatureDict, fixed: Fixed): SignatureDict {
  const given = chain.options.task_id
  const steps = tasksOf(chain)
    .map(unrolled)
    .map((step, index, all) => {
      const isLast = index === all.length - 1
      return frozen(
        isLast && given !== undefined ? withEndOptions(step, { task_id: given }) : step,
        fixed,
      )
    })
  const last = steps.at(-1)
  return last === undefined
    ? chain
    : withOptions(withTasks(chain, steps), { task_id: endOf(last).options.task_id })
}

function frozenGroup(group: SignatureDict, fixed: Fixed): SignatureDict {
  const task_id = idOf(group)
  // Groups within it are flattened, as in Celery.
  const members = flatMembers(group).map((member, group_index) =>
    withEndOptions(frozen(member, fixed), { group_index }),
  )
  // What it was given first stays, null too: Python's `setdefault`.
  const { root_id = fixed.rootId ?? null, parent_id = null } = group.options
  return withOptions(withTasks(group, members), { task_id, root_id, parent_id })
}

function frozenChord(chord: SignatureDict, fixed: Fixed): SignatureDict {
  const body = frozen(bodyWithId(chord), fixed)
  const header = frozen(headerGroup(chord), fixed)
  return withOptions(
    { ...chord, kwargs: { ...chord.kwargs, header, body } },
    { task_id: taskIdOf(header) },
  )
}

/** The result that a signature whose ids are fixed will have, behind the result of the step before. */
export function frozenNode(dict: SignatureDict, before: ResultNode | null): ResultNode {
  if (isGroup(dict)) {
    const members = flatMembers(dict).map((member) => frozenNode(member, null))
    return { id: taskIdOf(dict), members, parent: before }
  }
  if (isChord(dict)) {
    return frozenNode(bodyOf(dict), frozenNode(headerGroup(dict), before))
  }
  if (!isChain(dict)) return taskNode(taskIdOf(dict), before)
  return (
    tasksOf(dict).reduce<ResultNode | null>((parent, step) => frozenNode(step, parent), before) ??
    taskNode(taskIdOf(dict))
  )
}
