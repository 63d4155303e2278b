import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What the monitor could not read, whole, with the reason: nothing is thrown away. */
export class CreateQuarantine1795300040000 implements MigrationInterface {
  readonly name = 'CreateQuarantine1795300040000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(UP)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE monitor.quarantine')
  }
}

const UP = `
  CREATE TABLE IF NOT EXISTS monitor.quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    received_at timestamptz NOT NULL DEFAULT now(),
    queue       text,
    exchange    text,
    routing_key text,
    properties  jsonb,
    headers     jsonb,
    body        bytea NOT NULL,
    code        text NOT NULL,
    reason      text NOT NULL,
    task_id     text,
    digest      bytea,
    resolved_at timestamptz,
    CONSTRAINT quarantine_pkey PRIMARY KEY (id),
    CONSTRAINT quarantine_digest_key UNIQUE (digest)
  );
`
