import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Which recorded messages were published again, and as what: written before they are, so that nothing is twice by accident. */
export class CreateReplay1795400080000 implements MigrationInterface {
  readonly name = 'CreateReplay1795400080000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(UP)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE monitor.replay')
  }
}

/** The key refuses a second replay of the same turn: of two that start at once, one is told of the other. */
const UP = `
  CREATE TABLE IF NOT EXISTS monitor.replay (
    task_id      text NOT NULL,
    turn         integer NOT NULL,
    new_id       text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    CONSTRAINT replay_pkey PRIMARY KEY (task_id, turn),
    CONSTRAINT replay_new_id_key UNIQUE (new_id)
  );
`
