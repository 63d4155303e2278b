import type { MigrationInterface, QueryRunner } from 'typeorm'

/** The view that people query: each task with its one truthful status and its result, whichever side wrote it. */
export class CreateTaskHistory1795300070000 implements MigrationInterface {
  readonly name = 'CreateTaskHistory1795300070000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(RANK)
    // Run again, by an application of its own, over a view that has gained columns since: a view cannot lose any.
    const gained: readonly unknown[] = await runner.query(GAINED)
    if (gained.length === 0) await runner.query(VIEW)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP VIEW monitor.task_history;
      DROP FUNCTION monitor.state_rank(text);
    `)
  }
}

const GAINED = `
  SELECT FROM information_schema.columns
  WHERE table_schema = 'monitor' AND table_name = 'task_history' AND column_name = 'reason'`

/** How far along a state is. RETRY and the states that tasks invent (PROGRESS) are as far as STARTED. */
const RANK = `
  CREATE OR REPLACE FUNCTION monitor.state_rank(state text) RETURNS integer
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
      WHEN state IS NULL OR state = 'PENDING' THEN 0
      WHEN state = 'RECEIVED' THEN 1
      WHEN state IN ('SUCCESS', 'FAILURE', 'REVOKED', 'REJECTED', 'IGNORED', 'LOST') THEN 3
      ELSE 2
    END
  $$`

/**
 * Celery's table has the last word on a status, unless the monitor has seen the task further along.
 * A query pays for what it selects: stored results are read only for `result` and `exception`.
 */
const VIEW = `
  CREATE OR REPLACE VIEW monitor.task_history AS
  SELECT
    task.task_id,
    task.kind,
    coalesce(task.name, meta.name) AS name,
    CASE
      WHEN meta.status IS NOT NULL AND monitor.state_rank(task.state) <= monitor.state_rank(meta.status)
        THEN meta.status::text
      WHEN task.state = 'PENDING' AND task.expires <= now() THEN 'EXPIRED'
      WHEN task.state = 'PENDING' AND task.eta > now() THEN 'SCHEDULED'
      ELSE task.state
    END AS status,
    task.state,
    task.args,
    task.kwargs,
    task.options,
    task.queue,
    task.routing_key,
    task.origin,
    task.lang,
    task.root_id,
    task.parent_id,
    task.group_id,
    task.eta,
    task.expires,
    greatest(task.retries, meta.retries) AS retries,
    task.published_at,
    task.received_at,
    task.started_at,
    -- Celery dates some unfinished states too.
    coalesce(task.finished_at, CASE WHEN monitor.state_rank(meta.status) = 3
      THEN meta.date_done AT TIME ZONE 'UTC' END) AS finished_at,
    task.runtime_ms,
    coalesce(task.worker, meta.worker) AS worker,
    CASE
      WHEN meta.status IS NULL OR monitor.state_rank(task.state) > monitor.state_rank(meta.status) THEN task.result
      -- Celery stores None as NULL, or (5.7) as JSON's null.
      ELSE coalesce(nullif(monitor.read_result(meta.result), 'null'), task.result,
        CASE meta.status WHEN 'SUCCESS' THEN 'null'::jsonb END)
    END AS result,
    coalesce(task.exception, CASE WHEN meta.status IN ('FAILURE', 'RETRY', 'REVOKED')
      THEN monitor.exception_text(monitor.read_result(meta.result)) END) AS exception,
    coalesce(task.traceback, meta.traceback) AS traceback,
    task.creator_id,
    task.related_type,
    task.related_id,
    task.is_result,
    task.updated_at
  FROM monitor.task
  LEFT JOIN public.celery_taskmeta meta ON meta.task_id = task.task_id
`
