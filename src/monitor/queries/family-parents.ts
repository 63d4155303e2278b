import type { FamilyMember } from './family-rows.ts'

/**
 * The member that each hangs below, if any. The root hangs below none, and none below itself: a task that was replaced
 * by a group runs under its own id again, as a child of the unlock that was its child. Nothing draws
 * thousands of levels, or writes them as JSON: below five hundred the rest of a branch is a root of its own.
 */
export function parentsOf(
  members: readonly FamilyMember[],
  rootId: string,
): ReadonlyMap<string, string> {
  const ids = new Set(members.map(({ taskId }) => taskId))
  const parents = new Map<string, string>()
  // The newest first, so that of a loop the oldest comes out on top.
  for (const { taskId, parentId } of members.toReversed()) {
    if (parentId === null || taskId === rootId || !ids.has(parentId)) continue
    if (!isAbove(taskId, parentId, parents)) parents.set(taskId, parentId)
  }
  for (const taskId of tooDeep(members, parents)) parents.delete(taskId)
  return parents
}

const MOST_LEVELS = 500

/** Those on every five hundredth level. */
function tooDeep(
  members: readonly FamilyMember[],
  parents: ReadonlyMap<string, string>,
): readonly string[] {
  const levels = new Map<string, number>()
  for (const { taskId } of members) {
    const path: string[] = []
    let id: string | undefined = taskId
    for (; id !== undefined && !levels.has(id); id = parents.get(id)) path.push(id)
    let level = id === undefined ? -1 : (levels.get(id) ?? -1)
    for (const below of path.reverse()) {
      level = level + 1 === MOST_LEVELS ? 0 : level + 1
      levels.set(below, level)
    }
  }
  return [...parents.keys()].filter((taskId) => levels.get(taskId) === 0)
}

function isAbove(taskId: string, below: string, parents: ReadonlyMap<string, string>): boolean {
  for (let id: string | undefined = below; id !== undefined; id = parents.get(id)) {
    if (id === taskId) return true
  }
  return false
}
