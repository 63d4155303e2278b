import type { Connection } from '../../database/database.ts'
import type { TaskEntry } from '../mirror/task-entry.ts'
import { type Cell, columnParameters, rowsFrom } from '../stored/sql-columns.ts'
import { CHANGES, HAS_NEWS } from './merge-task-sql.ts'

/** Adds tasks, or moves those that are there forward. No id may come twice; rows are locked in the order of ids. */
export async function writeTasks(
  connection: Connection,
  tasks: readonly TaskEntry[],
): Promise<void> {
  const { sent, sql } = tasks.some(({ stateAtMs }) => stateAtMs !== null) ? ALL : PUBLISHED
  const columns = sent.map(({ cell, isText = false }) => ({ cells: tasks.map(cell), isText }))
  await connection.query(sql, columnParameters(columns))
}

interface SentColumn {
  readonly name: string
  readonly cell: (task: TaskEntry) => Cell
  /** Text that somebody else wrote as it is. */
  readonly isText?: boolean
}

/** What travels of a call, each column as text. What most tasks do not have costs nothing where none of a batch has it. */
const CALL: readonly SentColumn[] = [
  { name: 'task_id', cell: (task) => task.taskId, isText: true },
  { name: 'name', cell: (task) => task.name, isText: true },
  { name: 'state', cell: (task) => task.state, isText: true },
  { name: 'args', cell: (task) => task.args },
  { name: 'kwargs', cell: (task) => task.kwargs },
  { name: 'options', cell: (task) => task.options },
  { name: 'follow_ups', cell: (task) => task.followUps },
  { name: 'queue', cell: (task) => task.queue, isText: true },
  { name: 'routing_key', cell: (task) => task.routingKey, isText: true },
  { name: 'origin', cell: (task) => task.origin, isText: true },
  { name: 'lang', cell: (task) => task.lang, isText: true },
  { name: 'root_id', cell: (task) => task.rootId, isText: true },
  { name: 'parent_id', cell: (task) => task.parentId, isText: true },
  { name: 'group_id', cell: (task) => task.groupId, isText: true },
  { name: 'eta_ms', cell: (task) => task.etaMs },
  { name: 'expires_ms', cell: (task) => task.expiresMs },
  { name: 'retries', cell: (task) => task.retries || null },
  { name: 'published_ms', cell: (task) => task.publishedAtMs },
  { name: 'creator_id', cell: (task) => task.creatorId, isText: true },
  { name: 'related_type', cell: (task) => task.relatedType, isText: true },
  { name: 'related_id', cell: (task) => task.relatedId, isText: true },
  { name: 'is_result', cell: (task) => task.isResult || null },
  { name: 'replay_of', cell: (task) => task.replayOf, isText: true },
]

/** What travels besides of what became of it. */
const PROGRESS: readonly SentColumn[] = [
  { name: 'state_ms', cell: (task) => task.stateAtMs },
  { name: 'received_ms', cell: (task) => task.receivedAtMs },
  { name: 'started_ms', cell: (task) => task.startedAtMs },
  { name: 'runtime_ms', cell: (task) => task.runtimeMs },
  { name: 'worker', cell: (task) => task.worker, isText: true },
  { name: 'exception', cell: (task) => task.exception, isText: true },
  { name: 'traceback', cell: (task) => task.traceback, isText: true },
  { name: 'stored', cell: (task) => task.stored, isText: true },
]

function time(ms: string): string {
  return `to_timestamp(${ms}::float8 / 1000)`
}

/** What a stored result says, as the view reads it from celery_taskmeta. */
const STORED = `CASE WHEN stored IS NOT NULL THEN nullif(monitor.read_json(convert_to(stored, 'UTF8')), 'null') END`
const OUTCOME = `CASE WHEN stored IS NOT NULL AND state = 'SUCCESS' THEN coalesce(outcome, 'null') ELSE outcome END`
const EXCEPTION = `CASE WHEN state IN ('FAILURE', 'RETRY', 'REVOKED')
    THEN coalesce(monitor.exception_text(outcome), exception) ELSE exception END`

type Written = readonly (readonly [column: string, value: string])[]

/** Columns of the table, and what makes their values of the text that was sent. */
const WRITTEN_CALL: Written = [
  ['task_id', 'task_id'],
  ['name', 'name'],
  ['state', 'state'],
  ['args', 'args::jsonb'],
  ['kwargs', 'kwargs::jsonb'],
  ['options', 'options::jsonb'],
  ['follow_ups', 'follow_ups::jsonb'],
  ['queue', 'queue'],
  // Every message has a key. A text that is empty as a whole is cut into no values at all.
  [
    'routing_key',
    `CASE WHEN routing_key IS NULL AND NOT options::jsonb ? 'told_by' THEN '' ELSE routing_key END`,
  ],
  ['origin', 'origin'],
  ['lang', 'lang'],
  ['root_id', 'root_id'],
  ['parent_id', 'parent_id'],
  ['group_id', 'group_id'],
  ['eta', time('eta_ms')],
  ['expires', time('expires_ms')],
  ['retries', 'coalesce(retries::integer, 0)'],
  ['published_at', time('published_ms')],
  ['creator_id', 'creator_id'],
  ['related_type', 'related_type'],
  ['related_id', 'related_id'],
  ['is_result', 'coalesce(is_result::boolean, false)'],
  ['replay_of', 'replay_of'],
]

const WRITTEN_PROGRESS: Written = [
  ['state_at', time('state_ms')],
  ['received_at', time('received_ms')],
  ['started_at', time('started_ms')],
  ['finished_at', `CASE WHEN monitor.state_class(state) = 2 THEN ${time('state_ms')} END`],
  ['runtime_ms', 'runtime_ms::float8'],
  ['worker', 'worker'],
  ['result', OUTCOME],
  ['exception', EXCEPTION],
  ['traceback', 'traceback'],
  ['event_state', 'CASE WHEN state_ms IS NOT NULL THEN state END'],
  ['event_at', time('state_ms')],
]

const ALL = statement({
  sent: [...CALL, ...PROGRESS],
  written: [...WRITTEN_CALL, ...WRITTEN_PROGRESS],
  more: `, LATERAL (SELECT ${STORED} AS outcome OFFSET 0) AS stored_result`,
})
/** Most batches hold nothing but messages, which know no progress. */
const PUBLISHED = statement({ sent: CALL, written: WRITTEN_CALL, more: '' })

interface StatementParts {
  readonly sent: readonly SentColumn[]
  readonly written: Written
  readonly more: string
}

function statement({ sent, written, more }: StatementParts) {
  const sql = `
  INSERT INTO monitor.task AS kept (${written.map(([column]) => column).join(', ')})
  SELECT ${written.map(([, value]) => value).join(',\n    ')}
  FROM ${rowsFrom(sent.map(({ name }) => name))}${more}
  ON CONFLICT (task_id) DO UPDATE SET
    ${CHANGES.join(',\n    ')}
  WHERE ${HAS_NEWS.map((news) => `(${news})`).join('\n    OR ')}`
  return { sent, sql }
}
