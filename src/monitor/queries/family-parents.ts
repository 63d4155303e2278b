import type { FamilyMember } from './family-rows.ts'

/**
 * The member that each hangs below, if any. The root hangs below none, and none below itself: a task that was replaced
 * by a group runs under its own id again, as a child of the unlock that was its child.
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
  return parents
}

function isAbove(taskId: string, below: string, parents: ReadonlyMap<string, string>): boolean {
  for (let id: string | undefined = below; id !== undefined; id = parents.get(id)) {
    if (id === taskId) return true
  }
  return false
}
