import type { MigrationInterface, QueryRunner } from 'typeorm'

/** monitor.grant_read_only: a role may read all that is recorded, what is yet to be made too, and change none of it. */
export class CreateGrants1795400063000 implements MigrationInterface {
  readonly name = 'CreateGrants1795400063000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(GRANT_READ_ONLY)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION monitor.grant_read_only(text)')
  }
}

/**
 * Default privileges are those of whoever calls this: it is to be the role that migrates and records. Functions run
 * with the rights of their caller, so being able to call one that writes gives nobody a right to write.
 */
const GRANT_READ_ONLY = `
  CREATE OR REPLACE FUNCTION monitor.grant_read_only(role text) RETURNS void
  LANGUAGE plpgsql AS $$
  BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA monitor, public TO %I', role);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA monitor TO %I', role);
    EXECUTE format('GRANT SELECT ON public.celery_taskmeta, public.celery_tasksetmeta TO %I', role);
    EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA monitor TO %I', role);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA monitor GRANT SELECT ON TABLES TO %I', role);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA monitor GRANT EXECUTE ON FUNCTIONS TO %I', role);
  END $$`
