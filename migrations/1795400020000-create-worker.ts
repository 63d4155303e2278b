import type { MigrationInterface, QueryRunner } from 'typeorm'

/** One row a worker, as its latest event tells: who it is, whether it lives, how busy it is. */
export class CreateWorker1795400020000 implements MigrationInterface {
  readonly name = 'CreateWorker1795400020000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(UP)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE monitor.worker')
  }
}

/** Heartbeats change a row every few seconds: no index but the key, and room in the page for new versions. */
const UP = `
  CREATE TABLE IF NOT EXISTS monitor.worker (
    hostname          text NOT NULL,
    pid               integer,
    software          text,
    software_version  text,
    platform          text,
    online_at         timestamptz,
    last_heartbeat_at timestamptz,
    offline_at        timestamptz,
    heartbeat_every_s double precision,
    active            integer,
    processed         bigint,
    load_average      double precision[],
    clock             bigint,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT worker_pkey PRIMARY KEY (hostname)
  ) WITH (fillfactor = 50);
`
