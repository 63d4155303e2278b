import type { Connection } from '../database/database.ts'
import { jsonArray, plainArray, textArray } from './sql-columns.ts'
import type { TaskEntry } from './task-entry.ts'

/** Adds tasks, or moves those that are there forward. No id may come twice; rows are locked in the order of ids. */
export async function writeTasks(
  connection: Connection,
  rows: readonly TaskEntry[],
): Promise<void> {
  await connection.query(UPSERT, [
    ...TEXTS.map(({ field }) => textArray(rows.map((row) => row[field]))),
    ...NUMBERS.map(({ field }) => plainArray(rows.map((row) => row[field]))),
    ...JSONS.map(({ field }) => jsonArray(rows.map((row) => row[field]))),
  ])
}

const TEXTS = [
  { column: 'task_id', field: 'taskId' },
  { column: 'name', field: 'name' },
  { column: 'state', field: 'state' },
  { column: 'queue', field: 'queue' },
  { column: 'routing_key', field: 'routingKey' },
  { column: 'origin', field: 'origin' },
  { column: 'lang', field: 'lang' },
  { column: 'root_id', field: 'rootId' },
  { column: 'parent_id', field: 'parentId' },
  { column: 'group_id', field: 'groupId' },
  { column: 'creator_id', field: 'creatorId' },
  { column: 'related_type', field: 'relatedType' },
  { column: 'related_id', field: 'relatedId' },
] as const

const NUMBERS = [
  { column: 'eta', field: 'etaMs', type: 'float8' },
  { column: 'expires', field: 'expiresMs', type: 'float8' },
  { column: 'published_at', field: 'publishedAtMs', type: 'float8' },
  { column: 'retries', field: 'retries', type: 'integer' },
  { column: 'is_result', field: 'isResult', type: 'boolean' },
] as const

const JSONS = [
  { column: 'args', field: 'args' },
  { column: 'kwargs', field: 'kwargs' },
  { column: 'options', field: 'options' },
] as const

const NAMES = [...TEXTS, ...NUMBERS, ...JSONS].map(({ column }) => column)

/** Columns of the latest message; where it says nothing, what an earlier one said stays. */
const KEPT = ['name', 'args', 'kwargs', 'options', 'routing_key', 'origin', 'lang']
/** Columns of the latest message even where it says nothing: a retry without an eta runs at once. */
const REPLACED = ['queue', 'eta', 'expires', 'retries']
/** Columns that all messages of a task agree on. Should they not, the order in which they arrive does not matter. */
const SHARED = ['root_id', 'parent_id', 'group_id', 'creator_id', 'related_type', 'related_id']

/**
 * What makes one message of a task later than another: its retries, then how often the task was replaced; after that
 * anything that is the same in whatever order messages arrive.
 */
function order(row: string): string {
  return `(${row}.retries, coalesce(${row}.options -> 'replaced_task_nesting', '0'), coalesce(${row}.options, 'null'),
      coalesce(${row}.args, 'null'), coalesce(${row}.kwargs, 'null'), coalesce(${row}.name, '') COLLATE "C",
      coalesce(${row}.routing_key, '') COLLATE "C")`
}

const IS_LATER = `${order('excluded')} > ${order('kept')}`

const CHANGES = [
  ...KEPT.map(
    (name) => `${name} = CASE WHEN ${IS_LATER}
      THEN coalesce(excluded.${name}, kept.${name}) ELSE coalesce(kept.${name}, excluded.${name}) END`,
  ),
  ...REPLACED.map(
    (name) => `${name} = CASE WHEN ${IS_LATER} THEN excluded.${name} ELSE kept.${name} END`,
  ),
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
  SELECT ${[
    ...TEXTS.map(({ column }) => column),
    'to_timestamp(eta / 1000)',
    'to_timestamp(expires / 1000)',
    'to_timestamp(published_at / 1000)',
    'retries',
    'is_result',
    ...JSONS.map(({ column }) => `nullif(${column}, 'null')`),
  ].join(', ')}
  FROM ROWS FROM (
    unnest(${[
      ...TEXTS.map((_, index) => `$${index + 1}::text[]`),
      ...NUMBERS.map(({ type }, index) => `$${TEXTS.length + index + 1}::${type}[]`),
    ].join(', ')}),
    ${JSONS.map((_, index) => `jsonb_array_elements($${TEXTS.length + NUMBERS.length + index + 1}::jsonb)`).join(', ')}
  ) AS new (${NAMES.join(', ')})
  ON CONFLICT (task_id) DO UPDATE SET
    ${CHANGES.join(',\n    ')}
  WHERE ${HAS_NEWS.map((news) => `(${news})`).join('\n    OR ')}`
