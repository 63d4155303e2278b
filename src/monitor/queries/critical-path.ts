import type { FollowUp, FollowUps } from '../mirror/follow-ups.ts'
import type { FamilyMember } from './family-rows.ts'

/**
 * The tasks that decided when the family was over, from its root on: from the last that ended, each time back to that
 * one of those before it that ended last. While it is not over, back from what has run for longest.
 */
export function criticalPath(members: readonly FamilyMember[]): string[] {
  const counted = members.filter(({ name }) => name !== 'celery.chord_unlock')
  const before = predecessors(counted)
  const path: string[] = []
  for (let task = lastOf(ends(counted)); task !== undefined; ) {
    if (path.includes(task.taskId)) break
    path.unshift(task.taskId)
    task = lastEnded(before.get(task.taskId) ?? [])
  }
  return path
}

/** For each task its parent, and all whose messages named it as a step to come. */
function predecessors(members: readonly FamilyMember[]): Map<string, FamilyMember[]> {
  const byId = new Map(members.map((member) => [member.taskId, member]))
  const before = new Map<string, FamilyMember[]>()
  const add = (taskId: string, member: FamilyMember): void => {
    const known = before.get(taskId)
    if (known === undefined) before.set(taskId, [member])
    else known.push(member)
  }
  for (const member of members) {
    const parent = member.parentId === null ? undefined : byId.get(member.parentId)
    if (parent !== undefined) add(member.taskId, parent)
    for (const id of nextIds(member.followUps)) add(id, member)
  }
  return before
}

/** The steps that start as soon as the task is done; not those further on. */
function nextIds(followUps: FollowUps | null): string[] {
  if (followUps === null) return []
  const { chain = [], callbacks = [], errbacks = [], chord } = followUps
  // The body of a chord waits for the end of a chain, not for its beginning.
  const [next = chord] = chain
  return [...(next === undefined ? [] : [next]), ...callbacks, ...errbacks].flatMap(idsIn)
}

function idsIn({ id, steps = [] }: FollowUp): string[] {
  return [...(id === undefined ? [] : [id]), ...steps.flatMap(idsIn)]
}

/** Those that nothing has followed yet. A task may tell that it is done after what follows it has begun, or is done. */
function ends(members: readonly FamilyMember[]): readonly FamilyMember[] {
  const ids = new Set(members.map(({ taskId }) => taskId))
  const last = members.filter(({ followUps }) => !nextIds(followUps).some((id) => ids.has(id)))
  return last.length > 0 ? last : members
}

function lastOf(members: readonly FamilyMember[]): FamilyMember | undefined {
  const open = members.filter(({ finishedAt }) => finishedAt === null)
  const longest = least(open, ({ startedAt, publishedAt }) => startedAt ?? publishedAt)
  return longest ?? lastEnded(members)
}

function lastEnded(members: readonly FamilyMember[]): FamilyMember | undefined {
  return members.reduce<FamilyMember | undefined>(
    (last, member) =>
      timeOf(member.finishedAt) > timeOf(last?.finishedAt) ? member : (last ?? member),
    undefined,
  )
}

function least(
  members: readonly FamilyMember[],
  time: (member: FamilyMember) => Date | null,
): FamilyMember | undefined {
  return members.toSorted((one, other) => timeOf(time(one)) - timeOf(time(other)))[0]
}

function timeOf(time: Date | null | undefined): number {
  return time?.getTime() ?? 0
}
