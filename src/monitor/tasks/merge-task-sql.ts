import { callOrderSql, isOfMessage } from './task-order.ts'

/**
 * How what is known of a task (`kept`) and what comes (`excluded`) become one row. Each column follows one of a few
 * rules that give the same row in any order of arrival, and for any number of copies: the greater of two as a whole, the
 * least, the greatest, either.
 */

/** How it was called: taken as a whole from the source that knows best. A retry without an eta runs at once. */
const CALL = [
  'name',
  'args',
  'kwargs',
  'options',
  'follow_ups',
  'queue',
  'routing_key',
  'origin',
  'lang',
  'eta',
  'expires',
]

/** What all messages and events of a task agree on. Should they not, the order in which they come does not matter. */
const SHARED = [
  'root_id',
  'parent_id',
  'group_id',
  'creator_id',
  'related_type',
  'related_id',
  'replay_of',
].map((column) => ({ column, value: greatest(column) }))

/** A source that does not know of the flow takes a step of one for a task. */
const KIND = {
  column: 'kind',
  value: `CASE kept.kind WHEN 'task' THEN excluded.kind ELSE kept.kind END`,
}

const EARLIEST = {
  column: 'received_at',
  value: 'least(kept.received_at, excluded.received_at)',
}

/** The time at which the monitor saw the message counts; clocks of workers and callers may be wrong. */
const PUBLISHED = {
  column: 'published_at',
  value: `CASE WHEN ${isOfMessage('kept')} AND NOT ${isOfMessage('excluded')} THEN kept.published_at
      WHEN ${isOfMessage('excluded')} AND kept.options ->> 'reported_by' <> 'result' THEN excluded.published_at
      ELSE least(kept.published_at, excluded.published_at) END`,
}

/**
 * Two first calls under one id differ in their hashes. The least is kept, and a clash stays one, so that it is found
 * in any order, and with anything between them.
 */
const FIRST_CALL = {
  column: 'first_call',
  value: 'least(kept.first_call COLLATE "C", excluded.first_call COLLATE "C")',
}
const IS_CLASH = '(excluded.clash OR kept.first_call <> excluded.first_call)'

/** Of the latest run, and of the latest attempt. */
const LATEST = ['started_at', 'retries'].map((column) => ({
  column,
  value: `greatest(kept.${column}, excluded.${column})`,
}))

const IS_LATER = `${callOrderSql('excluded')} > ${callOrderSql('kept')}`

/** Asked once a row, not once a column: OFFSET keeps PostgreSQL from copying the question into each answer. */
const FROM_LATER = `(${CALL.join(', ')}) = (
      SELECT ${CALL.map((name) => `CASE WHEN is_later THEN excluded.${name} ELSE kept.${name} END`).join(',\n        ')}
      FROM (SELECT ${IS_LATER} AS is_later OFFSET 0) AS age)`

/** A task that counted as never received, though a worker's event says otherwise, was only waited for too briefly. */
const IS_FURTHER = `(monitor.is_further(excluded.state, excluded.state_at, kept.state, kept.state_at)
      OR (kept.state = 'LOST' AND kept.lost ->> 'kind' = 'never-received' AND excluded.state_at IS NOT NULL))`
/** Events are compared with events: a stored result that goes further knows less of the run. */
const IS_FURTHER_EVENT =
  '(monitor.is_further(excluded.event_state, excluded.event_at, kept.event_state, kept.event_at) IS TRUE)'
const IS_SAME_EVENT =
  '(excluded.event_state = kept.event_state AND excluded.event_at = kept.event_at)'
/** Whether what comes is about the state that the task is in then. */
const IS_OF_STATE = `(excluded.state = kept.state OR ${IS_FURTHER})`

const RUN = ['runtime_ms', 'worker'].map((column) => ({
  column,
  value: `CASE WHEN is_event THEN excluded.${column}
        WHEN is_same THEN ${greatestOf(column)} ELSE kept.${column} END`,
}))

const ERROR = ['exception', 'traceback'].map((column) => ({
  column,
  value: `CASE WHEN NOT is_of_state THEN kept.${column} WHEN is_event THEN excluded.${column}
        WHEN is_same THEN ${greatestOf(column)} ELSE kept.${column} END`,
}))

/** An event without a result takes none away that is known of the same state. */
const RESULT = {
  column: 'result',
  value: `CASE WHEN NOT is_of_state THEN kept.result
        WHEN is_event THEN coalesce(excluded.result, CASE WHEN excluded.state = kept.state THEN kept.result END)
        WHEN is_same THEN greatest(kept.result, excluded.result) ELSE coalesce(kept.result, excluded.result) END`,
}

const STATE = ['state', 'state_at'].map((column) => ({
  column,
  value: `CASE WHEN is_further THEN excluded.${column} ELSE kept.${column} END`,
}))

const EVENT = ['event_state', 'event_at'].map((column) => ({
  column,
  value: `CASE WHEN is_event THEN excluded.${column} ELSE kept.${column} END`,
}))

/** By an event of the end, where there is one: the date of a stored result is by the clock of its worker, uncorrected. */
const FINISHED = {
  column: 'finished_at',
  value: `CASE WHEN excluded.finished_at IS NOT NULL AND is_event AND is_of_state THEN excluded.event_at
        WHEN is_further THEN excluded.finished_at ELSE kept.finished_at END`,
}

const PROGRESS = [...STATE, ...EVENT, FINISHED, ...RUN, ...ERROR, RESULT]

const FROM_FURTHER = `(${PROGRESS.map(({ column }) => column).join(', ')}) = (
      SELECT ${PROGRESS.map(({ value }) => value).join(',\n        ')}
      FROM (SELECT ${IS_FURTHER} AS is_further, ${IS_FURTHER_EVENT} AS is_event, ${IS_SAME_EVENT} AS is_same,
        ${IS_OF_STATE} AS is_of_state OFFSET 0) AS news)`

const ALONE = [...SHARED, KIND, PUBLISHED, EARLIEST, FIRST_CALL, ...LATEST]

/** What ON CONFLICT sets. */
export const CHANGES = [
  FROM_LATER,
  FROM_FURTHER,
  ...ALONE.map(({ column, value }) => `${column} = ${value}`),
  'is_result = kept.is_result OR excluded.is_result',
  `clash = CASE WHEN ${IS_CLASH} THEN true ELSE kept.clash END`,
  'updated_at = now()',
]

/** What adds nothing leaves the row as it is: not even a new version is written. */
export const HAS_NEWS = [
  IS_LATER,
  IS_FURTHER,
  IS_FURTHER_EVENT,
  ...ALONE.map(({ column, value }) => `kept.${column} IS DISTINCT FROM ${value}`),
  'excluded.is_result AND NOT kept.is_result',
  `kept.clash IS NOT TRUE AND ${IS_CLASH}`,
  `${IS_SAME_EVENT} AND (excluded.runtime_ms, excluded.worker, excluded.exception, excluded.traceback)
      IS DISTINCT FROM (kept.runtime_ms, kept.worker, kept.exception, kept.traceback)`,
  'excluded.result IS NOT NULL AND excluded.result IS DISTINCT FROM kept.result AND excluded.state = kept.state',
]

function greatest(column: string): string {
  return `greatest(kept.${column} COLLATE "C", excluded.${column} COLLATE "C")`
}

function greatestOf(column: string): string {
  return column === 'runtime_ms'
    ? 'greatest(kept.runtime_ms, excluded.runtime_ms)'
    : greatest(column)
}
