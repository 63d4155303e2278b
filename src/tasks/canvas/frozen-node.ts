import { isChain, isChord, isGroup } from '../../protocol/signature-tree/kinds.ts'
import { taskIdOf } from '../../protocol/signature-tree/options.ts'
import { bodyOf, flatMembers, headerGroup, tasksOf } from '../../protocol/signature-tree/parts.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { type ResultNode, taskNode } from '../../results/result-node.ts'

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
