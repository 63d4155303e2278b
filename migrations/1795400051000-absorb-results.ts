import type { MigrationInterface, QueryRunner } from 'typeorm'

/** How a row of celery_taskmeta becomes part of a task's record, which then outlives it. */
export class AbsorbResults1795400051000 implements MigrationInterface {
  readonly name = 'AbsorbResults1795400051000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    for (const statement of [STORED_IS_FURTHER, STORED_RESULT, ABSORB])
      await runner.query(statement)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION monitor.absorb_results(text[]);
      DROP FUNCTION monitor.stored_result(text, bytea, integer);
      DROP FUNCTION monitor.stored_is_further(text, timestamp, text, timestamptz, jsonb);
    `)
  }
}

/**
 * Whether what the backend holds goes further than what is known. A task that was taken for one that no worker ever saw
 * is not that any more once a worker has stored anything of it, with a date or without.
 */
const STORED_IS_FURTHER = `
  CREATE OR REPLACE FUNCTION monitor.stored_is_further(
    stored text, date_done timestamp, known text, known_at timestamptz, lost jsonb) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT stored IS NOT NULL AND (
      monitor.is_further(stored, date_done AT TIME ZONE 'UTC', known, known_at)
      OR (known = 'LOST' AND lost ->> 'kind' = 'never-received' AND stored <> 'PENDING'
        AND (stored <> 'RETRY' OR lost ->> 'was' = 'PENDING')))
  $$`

/** Celery stores None as NULL, or (5.7) as JSON's null: a result of what succeeded, and none of anything else. */
const STORED_RESULT = `
  CREATE OR REPLACE FUNCTION monitor.stored_result(status text, stored bytea, longest integer) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
      WHEN octet_length(stored) > longest THEN ('{"__truncated__": ' || octet_length(stored)::text || '}')::jsonb
      ELSE coalesce(nullif(monitor.read_result(stored), 'null'), CASE status WHEN 'SUCCESS' THEN 'null'::jsonb END)
    END
  $$`

/**
 * Merges what the backend holds of these tasks into their rows, and says how many rows that changed. Whoever holds a row
 * is not waited for: it is looked at again. A task's retries are left to its messages, which decide by them.
 *
 * Of a task that is over in the state that both tell, the backend has the last word on its result and its error.
 */
const ABSORB = `
  CREATE OR REPLACE FUNCTION monitor.absorb_results(task_ids text[]) RETURNS integer
  LANGUAGE plpgsql AS $$
  DECLARE
    longest constant integer := 1048576;
    changed integer;
  BEGIN
    WITH said AS MATERIALIZED (
      SELECT meta.task_id::text, meta.status::text AS state, meta.date_done,
        meta.date_done AT TIME ZONE 'UTC' AS state_at, meta.result, meta.traceback, meta.name, meta.worker,
        meta.status IN ('FAILURE', 'RETRY', 'REVOKED') AS is_error, monitor.state_class(meta.status) = 2 AS is_over
      FROM public.celery_taskmeta meta
      WHERE meta.task_id = ANY (task_ids) AND monitor.state_class(meta.status) > 0
    ), news AS MATERIALIZED (
      SELECT said.*
      FROM said
      JOIN monitor.task ON task.task_id = said.task_id
      WHERE monitor.stored_is_further(said.state, said.date_done, task.state, task.state_at, task.lost)
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
        CASE WHEN is_further THEN said.state_at ELSE task.state_at END,
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
