import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Which process holds what only one may do at a time, and until when. */
export class CreateLease1795700010000 implements MigrationInterface {
  readonly name = 'CreateLease1795700010000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(UP)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE monitor.lease')
  }
}

/** A row stays when its lease has expired: its epoch goes on from there. */
const UP = `
  CREATE TABLE IF NOT EXISTS monitor.lease (
    name        text NOT NULL,
    epoch       bigint NOT NULL,
    holder      text NOT NULL,
    acquired_at timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    CONSTRAINT lease_pkey PRIMARY KEY (name)
  );
`
