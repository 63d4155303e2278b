import type { MigrationInterface, QueryRunner } from 'typeorm'

/** The vault: messages that wait for their eta, exactly as they will be published. */
export class CreateScheduled1795400090000 implements MigrationInterface {
  readonly name = 'CreateScheduled1795400090000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(UP)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE monitor.scheduled')
  }
}

/**
 * One row a task id: a retry takes the place of what waited under the same id. `next_at` is `due_at`, or later once
 * the broker did not take it. `recorded_at` is when the monitor made a row of monitor.task of it.
 * json, not jsonb, as that keeps the order of keys: what is published then is the same message.
 */
const UP = `
  CREATE TABLE IF NOT EXISTS monitor.scheduled (
    task_id     text NOT NULL,
    name        text,
    due_at      timestamptz NOT NULL,
    next_at     timestamptz NOT NULL,
    exchange    text NOT NULL,
    routing_key text NOT NULL,
    properties  json NOT NULL,
    headers     json NOT NULL,
    body        bytea NOT NULL,
    held_at     timestamptz NOT NULL DEFAULT now(),
    recorded_at timestamptz,
    problem     text,
    CONSTRAINT scheduled_pkey PRIMARY KEY (task_id)
  );
  CREATE INDEX IF NOT EXISTS scheduled_next_at_idx ON monitor.scheduled (next_at);
  CREATE INDEX IF NOT EXISTS scheduled_unrecorded_idx ON monitor.scheduled (held_at) WHERE recorded_at IS NULL;
`
