import { randomUUID } from 'node:crypto'
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
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { type ResultNode, taskNode } from '../../results/result-node.ts'

/**
 * The same signature with its ids fixed before it is sent, as the steps of a chain and the members of a chord need them
 * (Celery's `Signature.freeze`). The id of a chain is that of its end; a chord is known by the id of its header, and its
 * result by that of its body.
 */
export function frozen(dict: SignatureDict, replyTo: string): SignatureDict {
  if (isChain(dict)) return frozenChain(dict, replyTo)
  if (isGroup(dict)) return frozenGroup(dict, replyTo)
  if (isChord(dict)) return frozenChord(dict, replyTo)
  const { reply_to = replyTo } = dict.options
  return withOptions(dict, { task_id: idOf(dict), reply_to })
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
  return typeof task_id === 'string' && task_id !== '' ? task_id : randomUUID()
}

function frozenChain(chain: SignatureDict, replyTo: string): SignatureDict {
  const given = chain.options.task_id
  const steps = tasksOf(chain)
    .map(unrolled)
    .map((step, index, all) => {
      const isLast = index === all.length - 1
      return frozen(
        isLast && given !== undefined ? withEndOptions(step, { task_id: given }) : step,
        replyTo,
      )
    })
  const last = steps.at(-1)
  return last === undefined
    ? chain
    : withOptions(withTasks(chain, steps), { task_id: endOf(last).options.task_id })
}

function frozenGroup(group: SignatureDict, replyTo: string): SignatureDict {
  const task_id = idOf(group)
  // Groups within it are flattened, as in Celery.
  const members = flatMembers(group).map((member, group_index) =>
    withEndOptions(frozen(member, replyTo), { group_index }),
  )
  return withOptions(withTasks(group, members), { task_id, root_id: null, parent_id: null })
}

function frozenChord(chord: SignatureDict, replyTo: string): SignatureDict {
  const fixed = frozen(bodyWithId(chord), replyTo)
  const header = frozen(headerGroup(chord), replyTo)
  return withOptions(
    { ...chord, kwargs: { ...chord.kwargs, header, body: fixed } },
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
