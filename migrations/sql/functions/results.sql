-- Results as Celery stores them in celery_taskmeta, and how they become part of the record of a task, which outlives
-- them.

-- A stored result as jsonb, be it the pickle of Celery up to 5.6 or the JSON text of 5.7. A pickle of protocol 2 and
-- later starts with 0x80, one of any protocol ends with a full stop, and JSON does neither. As monitor.unpickle, this
-- is an expression that the planner puts in place; most results are read without a call.
--
-- The pattern is made when a query is planned, of # (a scalar), @ (a list or object of scalars) and ~ (the text of a
-- string): lists and objects up to two deep, without an escape, a float that is whole or one that has an exponent. The
-- cast to jsonb takes those as they are.
CREATE OR REPLACE FUNCTION monitor.read_result(stored bytea) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN stored IS NULL THEN NULL
    WHEN octet_length(stored) = 0 THEN monitor.read_json(stored)
    WHEN get_byte(stored, 0) = 128 OR get_byte(stored, octet_length(stored) - 1) = 46 THEN monitor.unpickle(stored)
    WHEN octet_length(stored) < 2000 AND position('__type__'::bytea IN stored) = 0
      -- "escape" shows plain ASCII as it is, and all else with a backslash.
      AND encode(stored, 'escape') ~ replace(replace(replace(
        '^(?:#|\[(?:(?:@, ?)*@)?\]|\{(?:(?:"~": ?@, ?)*"~": ?@)?\})$',
        '@', '(?:#|\[(?:(?:#, ?)*#)?\]|\{(?:(?:"~": ?#, ?)*"~": ?#)?\})'),
        '#', '(?:"~"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?|true|false|null)'),
        '~', '[^"\\\u0001-\u001f]*')
      THEN encode(stored, 'escape')::jsonb
    ELSE monitor.read_json(stored)
  END
$$;

-- "ValueError: boom", of an unpickled exception; NULL of anything else.
CREATE OR REPLACE FUNCTION monitor.exception_text(exception jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT class || coalesce(': ' || nullif(
    CASE jsonb_typeof(message)
      WHEN 'array' THEN (SELECT string_agg(coalesce(part #>> '{}', 'None'), ', ' ORDER BY i)
        FROM jsonb_array_elements(message) WITH ORDINALITY AS t(part, i))
      ELSE message #>> '{}'
    END, ''), '')
  FROM (SELECT
    coalesce(exception->>'exc_type', substring(exception->>'__class__' FROM '[^.]*$')) AS class,
    coalesce(exception->'exc_message', exception->'args') AS message) parts
$$;

-- Celery stores None as NULL, or (5.7) as JSON's null: a result of what succeeded, and none of anything else.
CREATE OR REPLACE FUNCTION monitor.stored_result(status text, stored bytea, longest integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN octet_length(stored) > longest THEN ('{"__truncated__": ' || octet_length(stored)::text || '}')::jsonb
    ELSE coalesce(nullif(monitor.read_result(stored), 'null'), CASE status WHEN 'SUCCESS' THEN 'null'::jsonb END)
  END
$$;

-- Merges what the result backend holds of these tasks into their rows, and returns how many rows changed. A row that
-- is locked is skipped: the absorber looks at it again. A task's retries are left to its messages, which decide by
-- them.
-- Of a task that is over in the state that both have, the backend has the last word on its result and its error. A
-- worker's clock that is wrong is corrected by its measured drift, and nothing was stored later than now; where an event
-- reported the end, its time counts. A result that is dated as it was before is no later one, even if the clock was
-- set meanwhile.
CREATE OR REPLACE FUNCTION monitor.absorb_results(task_ids text[]) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  longest constant integer := 1048576;
  changed integer;
BEGIN
  WITH said AS MATERIALIZED (
    SELECT meta.task_id::text, meta.status::text AS state, meta.date_done AS stored_date,
      dated.date_done, dated.date_done AT TIME ZONE 'UTC' AS state_at, dated.is_ahead,
      meta.result, meta.traceback, meta.name, meta.worker,
      meta.status IN ('FAILURE', 'RETRY', 'REVOKED') AS is_error, monitor.state_class(meta.status) = 2 AS is_over
    FROM public.celery_taskmeta meta
    LEFT JOIN monitor.task AS known ON known.task_id = meta.task_id
    LEFT JOIN monitor.worker ON worker.hostname = coalesce(meta.worker, known.worker) AND worker.drift_s IS NOT NULL
    CROSS JOIN LATERAL (
      SELECT least(by_worker.done, CASE WHEN by_worker.is_ahead THEN now() AT TIME ZONE 'UTC' END) AS date_done,
        by_worker.is_ahead
      FROM (
        SELECT done, coalesce(done > now() AT TIME ZONE 'UTC' + interval '5 seconds', false) AS is_ahead
        FROM (SELECT meta.date_done + coalesce(worker.drift_s, 0) * interval '1 second' AS done OFFSET 0) AS corrected
        OFFSET 0) AS by_worker
      OFFSET 0) AS dated
    WHERE meta.task_id = ANY (task_ids) AND monitor.state_class(meta.status) > 0
  ), news AS MATERIALIZED (
    SELECT said.*
    FROM said
    JOIN monitor.task ON task.task_id = said.task_id
    -- What is dated ahead is as old as the first look at it, not as each further one.
    WHERE (monitor.stored_is_further(said.state, said.date_done, task.state, task.state_at, task.lost)
        AND NOT (said.is_over AND said.state = task.state AND said.is_ahead))
      AND NOT coalesce(said.is_over AND said.state = task.state AND said.stored_date = task.stored_date, false)
      OR (said.date_done IS NULL AND said.state = task.state AND (monitor.state_class(said.state) = 1
    AND said.state NOT IN ('RECEIVED', 'STARTED', 'RETRY', 'LOST', 'UNHEARD'))
        AND monitor.stored_result(said.state, said.result, longest) IS DISTINCT FROM task.result)
      OR (said.is_over AND said.state = task.state AND (
        task.stored_date IS DISTINCT FROM said.stored_date
        OR (task.result IS NULL AND (said.result IS NOT NULL OR said.state = 'SUCCESS'))
        OR (NOT said.is_error AND (task.exception IS NOT NULL OR task.traceback IS NOT NULL))
        OR (said.traceback IS NOT NULL AND said.traceback IS DISTINCT FROM task.traceback)
        -- What could not be read once holds no exception, and is not read each second again.
        OR (said.is_error
          AND NOT (coalesce(task.result ? '__unreadable__', false) AND task.stored_date IS NOT DISTINCT FROM said.stored_date)
          AND monitor.exception_text(monitor.stored_result(said.state, said.result, longest))
          IS DISTINCT FROM task.exception
          AND monitor.exception_text(monitor.stored_result(said.state, said.result, longest)) IS NOT NULL)))
    ORDER BY task.task_id
    FOR NO KEY UPDATE OF task SKIP LOCKED
  )
  UPDATE monitor.task
  SET (state, state_at, started_at, finished_at, worker, name, result, exception, traceback, stored_date, updated_at) = (
    SELECT
      CASE WHEN is_further THEN said.state ELSE task.state END,
      CASE WHEN is_further THEN coalesce(said.state_at, greatest(task.state_at, now())) ELSE task.state_at END,
      CASE WHEN said.state = 'STARTED' THEN greatest(task.started_at, said.state_at) ELSE task.started_at END,
      CASE WHEN said.is_over AND task.event_state = said.state THEN task.event_at
        WHEN is_further AND said.is_over THEN coalesce(said.state_at, task.finished_at)
        ELSE coalesce(task.finished_at, CASE WHEN said.is_over THEN said.state_at END) END,
      CASE WHEN is_further THEN coalesce(said.worker, task.worker) ELSE coalesce(task.worker, said.worker) END,
      coalesce(task.name, said.name),
      monitor.stored_result(said.state, said.result, longest),
      CASE WHEN said.is_error THEN coalesce(
        monitor.exception_text(monitor.stored_result(said.state, said.result, longest)), task.exception) END,
      CASE WHEN said.is_error THEN coalesce(said.traceback, task.traceback) END,
      said.stored_date,
      now()
    -- Asked once a row: OFFSET keeps PostgreSQL from copying the question into each answer.
    FROM (SELECT monitor.stored_is_further(said.state, said.date_done, task.state, task.state_at, task.lost)
        AND NOT coalesce(said.is_over AND said.state = task.state
          AND (said.is_ahead OR said.stored_date = task.stored_date), false)
      AS is_further OFFSET 0) AS age)
  FROM news AS said
  WHERE task.task_id = said.task_id;
  GET DIAGNOSTICS changed = ROW_COUNT;
  RETURN changed;
END $$;
