import type { TaskResult } from '../protocol/results/task-result.ts'
import type { ResultNode } from './result-node.ts'

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
