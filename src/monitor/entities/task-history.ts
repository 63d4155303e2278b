import { EntitySchema } from './schema/entity-schema.ts'
import type { TaskRow } from './task.ts'

/** A task with what Celery's table says of it: the view people query. */
export interface TaskHistoryRow extends TaskRow {
  /** PENDING, UNROUTED, SCHEDULED, RECEIVED, STARTED, RETRY, SUCCESS, FAILURE, REVOKED, EXPIRED, LOST, or the task's own. */
  readonly status: string
  /** Why it is so, in words. */
  readonly reason: string | null
}

export const TaskHistoryEntity = new EntitySchema<TaskHistoryRow>({
  name: 'MonitorTaskHistory',
  type: 'view',
  schema: 'monitor',
  tableName: 'task_history',
  // The migrations own the view; TypeORM would keep its text in a table of TypeORM's own to compare it.
  synchronize: false,
  columns: {
    taskId: { name: 'task_id', type: 'text', primary: true },
    kind: { name: 'kind', type: 'text' },
    name: { name: 'name', type: 'text', nullable: true },
    status: { name: 'status', type: 'text' },
    state: { name: 'state', type: 'text' },
    args: { name: 'args', type: 'jsonb', nullable: true },
    kwargs: { name: 'kwargs', type: 'jsonb', nullable: true },
    options: { name: 'options', type: 'jsonb', nullable: true },
    queue: { name: 'queue', type: 'text', nullable: true },
    routingKey: { name: 'routing_key', type: 'text', nullable: true },
    origin: { name: 'origin', type: 'text', nullable: true },
    lang: { name: 'lang', type: 'text', nullable: true },
    rootId: { name: 'root_id', type: 'text', nullable: true },
    parentId: { name: 'parent_id', type: 'text', nullable: true },
    groupId: { name: 'group_id', type: 'text', nullable: true },
    eta: { name: 'eta', type: 'timestamptz', nullable: true },
    expires: { name: 'expires', type: 'timestamptz', nullable: true },
    retries: { name: 'retries', type: 'integer' },
    publishedAt: { name: 'published_at', type: 'timestamptz', nullable: true },
    receivedAt: { name: 'received_at', type: 'timestamptz', nullable: true },
    startedAt: { name: 'started_at', type: 'timestamptz', nullable: true },
    finishedAt: { name: 'finished_at', type: 'timestamptz', nullable: true },
    runtimeMs: { name: 'runtime_ms', type: 'double precision', nullable: true },
    worker: { name: 'worker', type: 'text', nullable: true },
    result: { name: 'result', type: 'jsonb', nullable: true },
    exception: { name: 'exception', type: 'text', nullable: true },
    traceback: { name: 'traceback', type: 'text', nullable: true },
    creatorId: { name: 'creator_id', type: 'text', nullable: true },
    relatedType: { name: 'related_type', type: 'text', nullable: true },
    relatedId: { name: 'related_id', type: 'text', nullable: true },
    isResult: { name: 'is_result', type: 'boolean' },
    updatedAt: { name: 'updated_at', type: 'timestamptz' },
    reason: { name: 'reason', type: 'text', nullable: true },
    stateAt: { name: 'state_at', type: 'timestamptz', nullable: true },
    replayOf: { name: 'replay_of', type: 'text', nullable: true },
    lost: { name: 'lost', type: 'jsonb', nullable: true },
    followUps: { name: 'follow_ups', type: 'jsonb', nullable: true },
  },
})
