import { boolean, float8, integer, jsonb, text, timeMs } from '../../database/copy/copy-columns.ts'
import type { Transaction } from '../../database/database.ts'
import type { TaskEntry } from '../mirror/task-entry.ts'
import { Stage } from '../stored/stage.ts'
import { CHANGES, HAS_NEWS } from './merge-task-sql.ts'

/** Adds tasks, or moves those that are there forward. No id may come twice; rows are locked in the order of ids. */
export async function writeTasks(
  connection: Transaction,
  tasks: readonly TaskEntry[],
): Promise<void> {
  await STAGE.fill(connection, tasks)
  await connection.query(tasks.some(({ stateAtMs }) => stateAtMs !== null) ? ALL : PUBLISHED)
}

/** What is known of a call, under the names that the table has for it. */
const CALL = [
  text<TaskEntry>('task_id', (task) => task.taskId),
  text<TaskEntry>('kind', (task) => task.kind),
  text<TaskEntry>('name', (task) => task.name),
  text<TaskEntry>('state', (task) => task.state),
  jsonb<TaskEntry>('args', (task) => task.args),
  jsonb<TaskEntry>('kwargs', (task) => task.kwargs),
  jsonb<TaskEntry>('options', (task) => task.options),
  jsonb<TaskEntry>('follow_ups', (task) => task.followUps),
  text<TaskEntry>('queue', (task) => task.queue),
  text<TaskEntry>('routing_key', (task) => task.routingKey),
  text<TaskEntry>('origin', (task) => task.origin),
  text<TaskEntry>('lang', (task) => task.lang),
  text<TaskEntry>('root_id', (task) => task.rootId),
  text<TaskEntry>('parent_id', (task) => task.parentId),
  text<TaskEntry>('group_id', (task) => task.groupId),
  timeMs<TaskEntry>('eta', (task) => task.etaMs),
  timeMs<TaskEntry>('expires', (task) => task.expiresMs),
  integer<TaskEntry>('retries', (task) => task.retries),
  timeMs<TaskEntry>('published_at', (task) => task.publishedAtMs),
  text<TaskEntry>('creator_id', (task) => task.creatorId),
  text<TaskEntry>('related_type', (task) => task.relatedType),
  text<TaskEntry>('related_id', (task) => task.relatedId),
  boolean<TaskEntry>('is_result', (task) => task.isResult),
  text<TaskEntry>('replay_of', (task) => task.replayOf),
  text<TaskEntry>('first_call', (task) => task.firstCall),
  boolean<TaskEntry>('clash', (task) => (task.isClash ? true : null)),
]

/** And of what became of it, in the words of an event. */
const PROGRESS = [
  timeMs<TaskEntry>('reported_at', (task) => task.stateAtMs),
  timeMs<TaskEntry>('received_at', (task) => task.receivedAtMs),
  timeMs<TaskEntry>('started_at', (task) => task.startedAtMs),
  float8<TaskEntry>('runtime_ms', (task) => task.runtimeMs),
  text<TaskEntry>('worker', (task) => task.worker),
  text<TaskEntry>('exception', (task) => task.exception),
  text<TaskEntry>('traceback', (task) => task.traceback),
  text<TaskEntry>('stored', (task) => task.stored),
]

const STAGE = new Stage<TaskEntry>('task', [...CALL, ...PROGRESS])

/** What a stored result says, as the view reads it from celery_taskmeta. */
const STORED = `CASE WHEN stored IS NOT NULL THEN nullif(monitor.read_json(convert_to(stored, 'UTF8')), 'null') END`
const OUTCOME = `CASE WHEN stored IS NOT NULL AND state = 'SUCCESS' THEN coalesce(outcome, 'null') ELSE outcome END`
const EXCEPTION = `CASE WHEN state IN ('FAILURE', 'RETRY', 'REVOKED')
    THEN coalesce(monitor.exception_text(outcome), exception) ELSE exception END`

/** Columns of the table, and what makes their values of what is staged. */
type Written = readonly (readonly [column: string, value: string])[]

const WRITTEN_CALL: Written = CALL.map(({ name }) => [name, name])

const WRITTEN_PROGRESS: Written = [
  ['state_at', 'reported_at'],
  ['received_at', 'received_at'],
  ['started_at', 'started_at'],
  ['finished_at', 'CASE WHEN monitor.state_class(state) = 2 THEN reported_at END'],
  ['runtime_ms', 'runtime_ms'],
  ['worker', 'worker'],
  ['result', OUTCOME],
  ['exception', EXCEPTION],
  ['traceback', 'traceback'],
  ['event_state', 'CASE WHEN reported_at IS NOT NULL THEN state END'],
  ['event_at', 'reported_at'],
]

const ALL = statement(
  [...WRITTEN_CALL, ...WRITTEN_PROGRESS],
  `, LATERAL (SELECT ${STORED} AS outcome OFFSET 0) AS stored_result`,
)
/** Most batches hold nothing but messages, which know no progress. */
const PUBLISHED = statement(WRITTEN_CALL)

function statement(written: Written, more = ''): string {
  return `
  INSERT INTO monitor.task AS kept (${written.map(([column]) => column).join(', ')})
  SELECT ${written.map(([, value]) => value).join(',\n    ')}
  FROM ${STAGE.table}${more}
  ORDER BY task_id COLLATE "C"
  ON CONFLICT (task_id) DO UPDATE SET
    ${CHANGES.join(',\n    ')}
  WHERE ${HAS_NEWS.map((news) => `(${news})`).join('\n    OR ')}`
}
