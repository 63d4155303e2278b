import type { TaskHistoryRow } from '../entities/task-history.ts'

/** A row of monitor.task_history as lists show it: without what has to be unpickled, and what may be long. */
export type TaskSummary = Pick<
  TaskHistoryRow,
  | 'taskId'
  | 'name'
  | 'status'
  | 'queue'
  | 'routingKey'
  | 'retries'
  | 'rootId'
  | 'parentId'
  | 'eta'
  | 'publishedAt'
  | 'startedAt'
  | 'finishedAt'
  | 'runtimeMs'
  | 'worker'
> & {
  /** No work queue has it, so no worker will ever run it. */
  readonly isUnrouted: boolean
}

export const SUMMARY = `
  task_id AS "taskId", name, status, queue, routing_key AS "routingKey", retries, root_id AS "rootId",
  parent_id AS "parentId", eta, published_at AS "publishedAt", started_at AS "startedAt",
  finished_at AS "finishedAt", runtime_ms AS "runtimeMs", worker,
  coalesce((options -> 'unrouted')::boolean, false) AS "isUnrouted"`

export const EVERYTHING = `${SUMMARY}, kind, state, args, kwargs, options, origin, lang, group_id AS "groupId", expires,
  received_at AS "receivedAt", result, exception, traceback, creator_id AS "creatorId",
  related_type AS "relatedType", related_id AS "relatedId", is_result AS "isResult", updated_at AS "updatedAt"`
