import type { MigrationInterface, QueryRunner } from 'typeorm'

/** The schema of the monitor, and its first table: one row a task id, whatever came of it. */
export class CreateTask1795300020000 implements MigrationInterface {
  readonly name = 'CreateTask1795300020000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(UP)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE monitor.task;
      DROP SCHEMA monitor;
    `)
  }
}

/**
 * A row is written when the task is published and again at each change, so each page keeps room for the new
 * versions of its rows (fillfactor), and `state`, which changes most, is in no index.
 * There is one index a question: one family; the latest calls of one task; the latest of all.
 */
const UP = `
  CREATE SCHEMA IF NOT EXISTS monitor;

  CREATE TABLE IF NOT EXISTS monitor.task (
    task_id      text NOT NULL,
    kind         text NOT NULL DEFAULT 'task',
    name         text,
    state        text NOT NULL DEFAULT 'PENDING',
    args         jsonb,
    kwargs       jsonb,
    options      jsonb,
    queue        text,
    routing_key  text,
    origin       text,
    lang         text,
    root_id      text,
    parent_id    text,
    group_id     text,
    eta          timestamptz,
    expires      timestamptz,
    retries      integer NOT NULL DEFAULT 0,
    published_at timestamptz,
    received_at  timestamptz,
    started_at   timestamptz,
    finished_at  timestamptz,
    runtime_ms   double precision,
    worker       text,
    result       jsonb,
    exception    text,
    traceback    text,
    creator_id   text,
    related_type text,
    related_id   text,
    is_result    boolean NOT NULL DEFAULT false,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT task_pkey PRIMARY KEY (task_id)
  ) WITH (fillfactor = 85);

  CREATE INDEX IF NOT EXISTS task_root_id_idx ON monitor.task (root_id);
  CREATE INDEX IF NOT EXISTS task_name_published_at_idx ON monitor.task (name, published_at DESC);
  CREATE INDEX IF NOT EXISTS task_published_at_idx ON monitor.task (published_at DESC);
`
