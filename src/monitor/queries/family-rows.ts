import type { Connection } from '../../database/database.ts'
import type { FollowUps } from '../mirror/follow-ups.ts'
import { SUMMARY, type TaskSummary } from './history-columns.ts'

/** A published member of a family. */
export type FamilyMember = TaskSummary & {
  readonly receivedAt: Date | null
  readonly stateAt: Date | null
  readonly groupId: string | null
  readonly followUps: FollowUps | null
}

/** Something that happened to a task, in the order of time. */
export interface Mark {
  readonly taskId: string
  readonly kind: MarkKind
  readonly at: Date
}

export type MarkKind = 'published' | 'received' | 'started' | 'retried' | 'finished'

/** Larger families are shown in part. */
const MOST_MEMBERS = 2_000

/** The first members of a root's family, oldest first. */
export async function familyMembers(
  database: Connection,
  rootId: string,
): Promise<readonly FamilyMember[]> {
  return await database.query<FamilyMember>(
    `SELECT ${SUMMARY}, history.received_at AS "receivedAt", history.state_at AS "stateAt",
       history.group_id AS "groupId", history.follow_ups AS "followUps"
     FROM (
       SELECT task_id FROM monitor.task WHERE root_id = $1 OR task_id = $1
       ORDER BY published_at, task_id LIMIT ${MOST_MEMBERS}
     ) AS member
     JOIN monitor.task_history AS history USING (task_id)
     ORDER BY history.published_at, history.task_id`,
    [rootId],
  )
}

/** The ids of steps that members name, and that were published under another root. */
export async function publishedElsewhere(
  database: Connection,
  members: readonly FamilyMember[],
): Promise<readonly string[]> {
  const leading = members.filter(({ followUps }) => followUps !== null)
  if (leading.length === 0) return []
  const rows = await database.query<{ task_id: string }>(
    `SELECT task.task_id
     FROM (
       SELECT DISTINCT monitor.follow_up_ids(follow_ups) AS task_id
       FROM monitor.task WHERE task_id = ANY($1)
     ) AS step
     JOIN monitor.task AS task USING (task_id)`,
    [leading.map(({ taskId }) => taskId)],
  )
  return rows.map(({ task_id }) => task_id)
}

/** What messages and events say of each attempt of those that were retried; the others' columns say as much. */
export async function marksOf(
  database: Connection,
  members: readonly FamilyMember[],
): Promise<readonly Mark[]> {
  const retried = members.filter(({ retries, status }) => retries > 0 || status === 'RETRY')
  if (retried.length === 0) return []
  return await database.query<Mark>(
    `SELECT task_id AS "taskId", kind, at
     FROM (
       SELECT task_id, happened_at AS at, CASE type WHEN 'task-received' THEN 'received'
         WHEN 'task-started' THEN 'started' WHEN 'task-retried' THEN 'retried' ELSE 'finished' END AS kind
       FROM monitor.event
       WHERE task_id = ANY($1) AND day >= $2 AND type IN
         ('task-received', 'task-started', 'task-retried', 'task-succeeded', 'task-failed', 'task-revoked')
       UNION ALL
       SELECT task_id, received_at, CASE WHEN headers ->> 'retries' > '0' THEN 'retried' ELSE 'published' END
       FROM monitor.message
       WHERE task_id = ANY($1) AND day >= $2
     ) AS marks
     ORDER BY at`,
    [retried.map(({ taskId }) => taskId), firstDay(retried)],
  )
}

/** Older partitions hold nothing of them. */
function firstDay(members: readonly FamilyMember[]): string {
  const times = members.flatMap(({ publishedAt }) => publishedAt?.getTime() ?? [])
  return new Date(Math.min(Date.now(), ...times) - DAY_MS).toISOString().slice(0, 10)
}

const DAY_MS = 86_400_000
