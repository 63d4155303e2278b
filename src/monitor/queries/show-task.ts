import type { Database } from '../../database/database.ts'
import { MonitorError } from '../../errors.ts'
import type { Message, Route } from '../../protocol/message.ts'
import type { TaskHistoryRow } from '../entities/task-history.ts'
import { propertiesOf } from '../message-entry.ts'
import { readExactText } from '../stored-headers.ts'
import { EVERYTHING, SUMMARY, type TaskSummary } from './history-columns.ts'

export type TaskDetails = TaskHistoryRow & Pick<TaskSummary, 'isUnrouted'>

/** A message as it was published, so that publishing it by its route again gives the same one. */
export interface RecordedMessage {
  readonly message: Message
  readonly route: Route
  readonly receivedAt: Date
  /** Why it could not be read; null where it could. */
  readonly problem: string | null
}

export interface ShownTask {
  readonly task: TaskDetails
  /** Oldest first. */
  readonly messages: readonly RecordedMessage[]
  /** All tasks of its root, itself among them, oldest first. */
  readonly family: readonly TaskSummary[]
}

/** One task with its messages and its family, by its id or the beginning of it; undefined where there is none. */
export async function showTask(
  database: Database,
  idOrPrefix: string,
): Promise<ShownTask | undefined> {
  const taskId = await findTask(database, idOrPrefix)
  if (taskId === undefined) return undefined
  const [task] = await database.query<TaskDetails>(
    `SELECT ${EVERYTHING} FROM monitor.task_history WHERE task_id = $1`,
    [taskId],
  )
  if (task === undefined) return undefined
  const [messages, family] = await Promise.all([
    messagesOf(database, taskId),
    familyOf(database, task),
  ])
  return { task, messages, family }
}

async function findTask(database: Database, idOrPrefix: string): Promise<string | undefined> {
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

async function messagesOf(database: Database, taskId: string): Promise<RecordedMessage[]> {
  const rows = await database.query<MessageColumns>(MESSAGES, [taskId])
  return rows.map((row) => ({
    message: {
      headers: readExactText(row.headers),
      properties: propertiesOf(readExactText(row.properties)),
      body: row.body,
    },
    route: { exchange: row.exchange, routingKey: row.routing_key },
    receivedAt: row.received_at,
    problem: row.reason,
  }))
}

interface MessageColumns {
  readonly received_at: Date
  readonly exchange: string
  readonly routing_key: string
  readonly properties: string
  readonly headers: string
  readonly body: Buffer
  readonly reason: string | null
}

// As text: JavaScript's own JSON would lose digits.
const MESSAGES = `
  SELECT received_at, exchange, routing_key, properties::text, headers::text, body, NULL AS reason, id
  FROM monitor.message WHERE task_id = $1
  UNION ALL
  SELECT received_at, exchange, routing_key, properties::text, headers::text, body, reason, id
  FROM monitor.quarantine WHERE task_id = $1
  ORDER BY received_at, id`

async function familyOf(database: Database, task: TaskDetails): Promise<TaskSummary[]> {
  return await database.query<TaskSummary>(
    `SELECT ${SUMMARY} FROM monitor.task_history WHERE root_id = $1 OR task_id = $2
     ORDER BY published_at, task_id`,
    [task.rootId, task.taskId],
  )
}
