import type { Connection } from '../../database/database.ts'
import { columnParameters, rowsFrom } from '../stored/sql-columns.ts'
import type { TaskEntry } from './task-entry.ts'

/** Adds tasks, or moves those that are there forward. No id may come twice; rows are locked in the order of ids. */
export async function writeTasks(
  connection: Connection,
  tasks: readonly TaskEntry[],
): Promise<void> {
  const columns = COLUMNS.map(({ field, isText }) => ({
    // No retries, no result: like most of what a task does not have, they cost nothing when they are not sent.
    cells: tasks.map((task) => task[field] || null),
    isText,
  }))
  await connection.query(UPSERT, columnParameters(columns))
}

/** Each column, the field it comes from, and what makes its value of the text that is sent. */
const COLUMNS = [
  { column: 'task_id', isText: true, field: 'taskId', value: 'task_id' },
  { column: 'name', isText: true, field: 'name', value: 'name' },
  { column: 'state', isText: false, field: 'state', value: 'state' },
  { column: 'args', isText: false, field: 'args', value: 'args::jsonb' },
  { column: 'kwargs', isText: false, field: 'kwargs', value: 'kwargs::jsonb' },
  { column: 'options', isText: false, field: 'options', value: 'options::jsonb' },
  {
    column: 'follow_ups',
    isText: false,
    field: 'followUps',
    value: 'follow_ups::jsonb',
  },
  { column: 'queue', isText: true, field: 'queue', value: 'queue' },
  // A text that is empty as a whole is cut into no values at all.
  { column: 'routing_key', isText: true, field: 'routingKey', value: "coalesce(routing_key, '')" },
  { column: 'origin', isText: true, field: 'origin', value: 'origin' },
  { column: 'lang', isText: true, field: 'lang', value: 'lang' },
  { column: 'root_id', isText: true, field: 'rootId', value: 'root_id' },
  { column: 'parent_id', isText: true, field: 'parentId', value: 'parent_id' },
  { column: 'group_id', isText: true, field: 'groupId', value: 'group_id' },
  { column: 'eta', isText: false, field: 'etaMs', value: 'to_timestamp(eta::float8 / 1000)' },
  {
    column: 'expires',
    isText: false,
    field: 'expiresMs',
    value: 'to_timestamp(expires::float8 / 1000)',
  },
  { column: 'retries', isText: false, field: 'retries', value: 'coalesce(retries::integer, 0)' },
  {
    column: 'published_at',
    isText: false,
    field: 'publishedAtMs',
    value: 'to_timestamp(published_at::float8 / 1000)',
  },
  { column: 'creator_id', isText: true, field: 'creatorId', value: 'creator_id' },
  { column: 'related_type', isText: true, field: 'relatedType', value: 'related_type' },
  { column: 'related_id', isText: true, field: 'relatedId', value: 'related_id' },
  {
    column: 'is_result',
    isText: false,
    field: 'isResult',
    value: 'coalesce(is_result::boolean, false)',
  },
  { column: 'replay_of', isText: true, field: 'replayOf', value: 'replay_of' },
] as const

const NAMES = COLUMNS.map(({ column }) => column)

/** Columns of the latest message; where it says nothing, what an earlier one said stays. */
const KEPT = ['name', 'args', 'kwargs', 'options', 'routing_key', 'origin', 'lang']
/** Columns of the latest message even where it says nothing: a retry without an eta runs at once. */
const REPLACED = ['queue', 'eta', 'expires', 'retries', 'follow_ups']
/** Columns that all messages of a task agree on. Should they not, the order in which they arrive does not matter. */
const SHARED = [
  'root_id',
  'parent_id',
  'group_id',
  'creator_id',
  'related_type',
  'related_id',
  'replay_of',
]

/**
 * What makes one message of a task later than another: its retries, then how often the task was replaced; after that
 * anything that is the same in whatever order messages arrive.
 */
function order(row: string): string {
  return `(${row}.retries, coalesce(${row}.options -> 'replaced_task_nesting', '0'), coalesce(${row}.options, 'null'),
      coalesce(${row}.args, 'null'), coalesce(${row}.kwargs, 'null'), coalesce(${row}.name, '') COLLATE "C",
      coalesce(${row}.routing_key, '') COLLATE "C", coalesce(${row}.follow_ups, 'null'))`
}

const IS_LATER = `${order('excluded')} > ${order('kept')}`

/** Asked once a row, not once a column: OFFSET keeps PostgreSQL from copying the question into each answer. */
const FROM_LATER = `(${[...KEPT, ...REPLACED].join(', ')}) = (
      SELECT ${[
        ...KEPT.map(
          (name) =>
            `CASE WHEN is_later THEN coalesce(excluded.${name}, kept.${name}) ELSE coalesce(kept.${name}, excluded.${name}) END`,
        ),
        ...REPLACED.map((name) => `CASE WHEN is_later THEN excluded.${name} ELSE kept.${name} END`),
      ].join(',\n        ')}
      FROM (SELECT ${IS_LATER} AS is_later OFFSET 0) AS age)`

const CHANGES = [
  FROM_LATER,
  ...SHARED.map((name) => `${name} = ${greatest(name)}`),
  `state = CASE WHEN excluded.retries > kept.retries AND monitor.state_rank(kept.state) < 3
      THEN excluded.state ELSE kept.state END`,
  'is_result = kept.is_result OR excluded.is_result',
  'published_at = least(kept.published_at, excluded.published_at)',
  'updated_at = now()',
]

function greatest(name: string): string {
  return `greatest(kept.${name} COLLATE "C", excluded.${name} COLLATE "C")`
}

/** A message that is not later, and adds nothing, leaves the row as it is: not even a new version is written. */
const HAS_NEWS = [
  IS_LATER,
  ...KEPT.map((name) => `kept.${name} IS NULL AND excluded.${name} IS NOT NULL`),
  ...SHARED.map((name) => `kept.${name} IS DISTINCT FROM ${greatest(name)}`),
  'excluded.is_result AND NOT kept.is_result',
  'kept.published_at IS NULL OR excluded.published_at < kept.published_at',
]

const UPSERT = `
  INSERT INTO monitor.task AS kept (${NAMES.join(', ')})
  SELECT ${COLUMNS.map(({ value }) => value).join(', ')}
  FROM ${rowsFrom(NAMES)}
  ON CONFLICT (task_id) DO UPDATE SET
    ${CHANGES.join(',\n    ')}
  WHERE ${HAS_NEWS.map((news) => `(${news})`).join('\n    OR ')}`
