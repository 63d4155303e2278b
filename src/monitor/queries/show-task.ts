import type { Connection } from '../../database/database.ts'
import { MonitorError } from '../../errors.ts'
import type { TaskHistoryRow } from '../entities/task-history.ts'
import { EVERYTHING, SUMMARY, type TaskSummary } from './history-columns.ts'
import { type RecordedMessage, recordedMessages } from './recorded-messages.ts'

export type { RecordedMessage } from './recorded-messages.ts'

export type TaskDetails = TaskHistoryRow & Pick<TaskSummary, 'isUnrouted'>

export interface ShownTask {
  readonly task: TaskDetails
  /** Oldest first. */
  readonly messages: readonly RecordedMessage[]
  /** All tasks of its root, itself among them, oldest first. */
  readonly family: readonly TaskSummary[]
}

/** One task with its messages and its family, by its id or the beginning of it; undefined where there is none. */
export async function showTask(
  database: Connection,
  idOrPrefix: string,
): Promise<ShownTask | undefined> {
  const taskId = await findTask(database, idOrPrefix)
  if (taskId === undefined) return undefined
  const [task] = await database.query<TaskDetails>(
    `SELECT ${EVERYTHING} FROM monitor.task_history AS history WHERE task_id = $1`,
    [taskId],
  )
  if (task === undefined) return undefined
  const [messages, family] = await Promise.all([
    recordedMessages(database, taskId),
    familyOf(database, task),
  ])
  return { task, messages, family }
}

export async function findTask(
  database: Connection,
  idOrPrefix: string,
): Promise<string | undefined> {
  const found = await database.query<{ task_id: string }>(
    `(SELECT task_id FROM monitor.task WHERE task_id = $1)
     UNION ALL
     (SELECT task_id FROM monitor.task WHERE starts_with(task_id, $1) AND task_id <> $1
      ORDER BY task_id LIMIT 2)`,
    [idOrPrefix],
  )
  const [first, second] = found.map(({ task_id }) => task_id)
  if (first === undefined || second === undefined || first === idOrPrefix) return first
  throw new MonitorError(
    'TASK_AMBIGUOUS',
    `"${idOrPrefix}" is the beginning of more than one task id, among them ${first} and ${second}; give more of it`,
  )
}

async function familyOf(database: Connection, task: TaskDetails): Promise<TaskSummary[]> {
  return await database.query<TaskSummary>(
    `SELECT ${SUMMARY} FROM monitor.task_history AS history WHERE root_id = $1 OR task_id = $2
     ORDER BY history.published_at, history.task_id`,
    [task.rootId, task.taskId],
  )
}
