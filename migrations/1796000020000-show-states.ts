import type { MigrationInterface, QueryRunner } from 'typeorm'
import { historyView } from './1795400052000-explain-task-history.ts'
import { STATUS } from './1795500090000-tell-what-is-held.ts'
import { REASON as REASON_BEFORE } from './1796000010000-weigh-evidence.ts'

/**
 * States that tasks set themselves are shown, whether the backend dates them or not; the drift of a worker's clock is kept
 * and taken out of what it dates; two calls under one id, and results without a message, are told.
 */
export class ShowStates1796000020000 implements MigrationInterface {
  readonly name = 'ShowStates1796000020000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    for (const statement of [COLUMNS, MARKS, storedIsFurther(OF_ITSELF), ABSORB])
      await runner.query(statement)
    await runner.query(historyView(STATUS, REASON))
  }

  /** The views select every column there is, so they go before columns do, and come back after. */
  async down(runner: QueryRunner): Promise<void> {
    const [family]: { text: string }[] = await runner.query(
      `SELECT pg_get_viewdef('monitor.task_family'::regclass) AS text`,
    )
    await runner.query(DROP)
    for (const statement of [
      storedIsFurther(''),
      absorb({ isNews: '', join: '', date: 'meta.date_done', time: 'said.state_at' }),
    ])
      await runner.query(statement)
    await runner.query(historyView(STATUS, REASON_BEFORE))
    await runner.query(`CREATE VIEW monitor.task_family AS ${family?.text ?? ''}`)
  }
}

const DROP = `
  DROP VIEW monitor.task_family;
  DROP VIEW monitor.task_history;
  ALTER TABLE monitor.task DROP COLUMN clash;
  ALTER TABLE monitor.worker DROP COLUMN drift_s;
  ALTER TABLE monitor.worker_process DROP COLUMN active, DROP COLUMN active_at;
  DROP TABLE monitor.result_mark;
`

/**
 * active: how many tasks a process ran when it told that last (active_at, by its clock).
 * clash: two calls were published under the id. drift_s: how far the worker's clock is behind. No default:
 * no rewrite.
 */
const COLUMNS = `
  ALTER TABLE monitor.task ADD COLUMN IF NOT EXISTS clash boolean;
  ALTER TABLE monitor.worker ADD COLUMN IF NOT EXISTS drift_s double precision;
  ALTER TABLE monitor.worker_process
    ADD COLUMN IF NOT EXISTS active integer, ADD COLUMN IF NOT EXISTS active_at timestamptz`

/** Bodies of chords whose results are wanted, as the messages of others tell: their own do not, on RabbitMQ. */
const MARKS = `
  CREATE TABLE IF NOT EXISTS monitor.result_mark (
    task_id   text NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT result_mark_pkey PRIMARY KEY (task_id)
  )`

/** A state that tasks set themselves (PROGRESS). */
const IS_OWN = (state: string): string => `(monitor.state_class(${state}) = 1
      AND ${state} NOT IN ('RECEIVED', 'STARTED', 'RETRY', 'LOST', 'UNHEARD'))`

/**
 * Celery 5.7 dates no state but the last. The backend holds one state a task, so one of its own that is there comes after
 * what events tell of the start. A task that is over in the same state goes no further.
 */
export const OF_ITSELF = `
      OR (date_done IS NULL AND ${IS_OWN('stored')} AND stored <> known
        AND (known IN ('PENDING', 'RECEIVED', 'STARTED', 'RETRY') OR ${IS_OWN('known')}
          OR (known = 'UNHEARD' AND known_at IS NULL)))`

/** As in 1795400051000. */
export const storedIsFurther = (more: string): string => `
  CREATE OR REPLACE FUNCTION monitor.stored_is_further(
    stored text, date_done timestamp, known text, known_at timestamptz, lost jsonb) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT stored IS NOT NULL AND (
      monitor.is_further(stored, date_done AT TIME ZONE 'UTC', known, known_at)
      OR (known = 'LOST' AND lost ->> 'kind' = 'never-received' AND stored <> 'PENDING'
        AND (stored <> 'RETRY' OR lost ->> 'was' = 'PENDING'))${more})
  $$`

interface AbsorbParts {
  /** More that is news. */
  readonly isNews: string
  /** The worker that dated it. */
  readonly join: string
  /** When it was stored, without a zone. */
  readonly date: string
  /** When its state was reached. */
  readonly time: string
}

/** As in 1795400051000. */
const absorb = ({ isNews, join, date, time }: AbsorbParts): string => `
  CREATE OR REPLACE FUNCTION monitor.absorb_results(task_ids text[]) RETURNS integer
  LANGUAGE plpgsql AS $$
  DECLARE
    longest constant integer := 1048576;
    changed integer;
  BEGIN
    WITH said AS MATERIALIZED (
      SELECT meta.task_id::text, meta.status::text AS state, ${date} AS date_done,
        (${date}) AT TIME ZONE 'UTC' AS state_at, meta.result, meta.traceback, meta.name, meta.worker,
        meta.status IN ('FAILURE', 'RETRY', 'REVOKED') AS is_error, monitor.state_class(meta.status) = 2 AS is_over
      FROM public.celery_taskmeta meta${join}
      WHERE meta.task_id = ANY (task_ids) AND monitor.state_class(meta.status) > 0
    ), news AS MATERIALIZED (
      SELECT said.*
      FROM said
      JOIN monitor.task ON task.task_id = said.task_id
      WHERE monitor.stored_is_further(said.state, said.date_done, task.state, task.state_at, task.lost)${isNews}
        OR (said.is_over AND said.state = task.state AND (
          (task.result IS NULL AND (said.result IS NOT NULL OR said.state = 'SUCCESS'))
          OR (NOT said.is_error AND (task.exception IS NOT NULL OR task.traceback IS NOT NULL))
          OR (said.traceback IS NOT NULL AND said.traceback IS DISTINCT FROM task.traceback)
          OR (said.is_error AND monitor.exception_text(monitor.stored_result(said.state, said.result, longest))
            IS DISTINCT FROM task.exception
            AND monitor.exception_text(monitor.stored_result(said.state, said.result, longest)) IS NOT NULL)))
      ORDER BY task.task_id
      FOR NO KEY UPDATE OF task SKIP LOCKED
    )
    UPDATE monitor.task SET (state, state_at, started_at, finished_at, worker, name, result, exception, traceback, updated_at) = (
      SELECT
        CASE WHEN is_further THEN said.state ELSE task.state END,
        CASE WHEN is_further THEN ${time} ELSE task.state_at END,
        CASE WHEN said.state = 'STARTED' THEN greatest(task.started_at, said.state_at) ELSE task.started_at END,
        CASE WHEN is_further AND said.is_over THEN coalesce(said.state_at, task.finished_at)
          ELSE coalesce(task.finished_at, CASE WHEN said.is_over THEN said.state_at END) END,
        CASE WHEN is_further THEN coalesce(said.worker, task.worker) ELSE coalesce(task.worker, said.worker) END,
        coalesce(task.name, said.name),
        monitor.stored_result(said.state, said.result, longest),
        CASE WHEN said.is_error THEN coalesce(
          monitor.exception_text(monitor.stored_result(said.state, said.result, longest)), task.exception) END,
        CASE WHEN said.is_error THEN coalesce(said.traceback, task.traceback) END,
        now()
      -- Asked once a row: OFFSET keeps PostgreSQL from copying the question into each answer.
      FROM (SELECT monitor.stored_is_further(said.state, said.date_done, task.state, task.state_at, task.lost)
        AS is_further OFFSET 0) AS age)
    FROM news AS said
    WHERE task.task_id = said.task_id;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
  END $$`

/** What the worker's clock is behind is added; where it is not known who stored it, nobody stores what is to come. */
const ABSORB = absorb({
  isNews: `
        OR (said.date_done IS NULL AND said.state = task.state AND ${IS_OWN('said.state')}
          AND monitor.stored_result(said.state, said.result, longest) IS DISTINCT FROM task.result)`,
  join: `
      LEFT JOIN monitor.task AS known ON known.task_id = meta.task_id
      LEFT JOIN monitor.worker ON worker.hostname = coalesce(meta.worker, known.worker) AND worker.drift_s IS NOT NULL`,
  date: `least(meta.date_done + coalesce(worker.drift_s, 0) * interval '1 second',
          CASE WHEN meta.date_done > now() AT TIME ZONE 'UTC' + interval '1 minute' THEN now() AT TIME ZONE 'UTC' END)`,
  time: 'coalesce(said.state_at, greatest(task.state_at, now()))',
})

/** Without events nobody knows whether it still runs. */
const STARTED_UNTOLD = `CASE WHEN any_worker IS NULL AND event_state IS NULL AND monitor.state_class(status) = 1
        AND status NOT IN ('RETRY', 'RECEIVED', 'LOST', 'UNHEARD', 'EXPIRED', 'UNROUTED', 'SCHEDULED') AND stored IS NOT NULL
      THEN 'started' || coalesce(' ' || monitor.in_words(now() - started_at) || ' ago', '')
        || '; its worker sends no events, so nothing shows whether it still runs' END`

const CLASH = `CASE WHEN clash
      THEN 'two calls were published under this id: arguments and result may be of different ones' END`

const WITHOUT_MESSAGE = `CASE options ->> 'told_by'
      WHEN 'result' THEN 'known by its result alone: no message of it is recorded'
      WHEN 'event' THEN 'known by events of its worker alone: no message of it is recorded' END`

const REASON = `nullif(concat_ws('; ', coalesce(${STARTED_UNTOLD}, ${REASON_BEFORE}), ${CLASH}, ${WITHOUT_MESSAGE}), '')`
