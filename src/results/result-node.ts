import type { TaskResult } from '../protocol/results/task-result.ts'

/** A result in its tree: a task's, or a group's with those of its members, and the result of the step before. */
export interface ResultNode {
  readonly id: string
  /** Null where it is a task's. */
  readonly members: readonly ResultNode[] | null
  readonly parent: ResultNode | null
}

/** A result as Celery writes one: `[[id, parent], members]`, where members is null for a single task. */
export type ResultTuple = readonly [
  key: readonly [id: string, parent: ResultTuple | null],
  members: readonly ResultTuple[] | null,
]

/** A task's result. */
export function taskNode(id: string, parent: ResultNode | null = null): ResultNode {
  return { id, members: null, parent }
}

export function tupleOfNode({ id, members, parent }: ResultNode): ResultTuple {
  return [
    [id, parent === null ? null : tupleOfNode(parent)],
    members === null ? null : members.map(tupleOfNode),
  ]
}

/** The ids of the tasks it is made of, those before it left out. */
export function taskIdsOf({ id, members }: ResultNode): readonly string[] {
  return members === null ? [id] : members.flatMap(taskIdsOf)
}

/** The result of a member of a header: of a group the list of its values, or the first that is none. */
export async function nestedResult(
  { id, members }: ResultNode,
  read: (taskId: string) => Promise<TaskResult>,
): Promise<TaskResult> {
  if (members === null) return await read(id)
  const results = await Promise.all(members.map((member) => nestedResult(member, read)))
  const failed = results.find(({ status }) => status !== 'SUCCESS')
  if (failed !== undefined) return failed
  const values = results.map(({ result }) => result)
  return { taskId: id, status: 'SUCCESS', result: values, traceback: null, dateDone: null }
}
