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

/** Of `monitor.task_history AS history`. */
export const SUMMARY = `
  history.task_id AS "taskId", history.name, history.status, history.queue, history.routing_key AS "routingKey",
  history.retries, history.root_id AS "rootId", history.parent_id AS "parentId", history.eta,
  history.published_at AS "publishedAt", history.started_at AS "startedAt", history.finished_at AS "finishedAt",
  history.runtime_ms AS "runtimeMs", history.worker,
  coalesce((history.options -> 'unrouted')::boolean, false) AS "isUnrouted"`

export const EVERYTHING = `${SUMMARY}, history.kind, history.state, history.args, history.kwargs, history.options,
  history.origin, history.lang, history.group_id AS "groupId", history.expires, history.received_at AS "receivedAt",
  history.result, history.exception, history.traceback, history.creator_id AS "creatorId",
  history.related_type AS "relatedType", history.related_id AS "relatedId", history.is_result AS "isResult",
  history.updated_at AS "updatedAt", history.reason, history.state_at AS "stateAt", history.replay_of AS "replayOf",
  history.lost, history.follow_ups AS "followUps"`
