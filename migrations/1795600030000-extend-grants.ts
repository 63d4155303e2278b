import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Who may read what is recorded may also read which migrations ran: without it no command can say what is missing. */
export class ExtendGrants1795600030000 implements MigrationInterface {
  readonly name = 'ExtendGrants1795600030000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(grantReadOnly(MIGRATIONS))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(grantReadOnly(''))
  }
}

/** There is none where an application runs our migrations and notes them in a table of its own. */
const MIGRATIONS = `
    IF to_regclass('public.celery_toolbox_migrations') IS NOT NULL THEN
      EXECUTE format('GRANT SELECT ON public.celery_toolbox_migrations TO %I', role);
    END IF;`

const grantReadOnly = (more: string): string => `
  CREATE OR REPLACE FUNCTION monitor.grant_read_only(role text) RETURNS void
  LANGUAGE plpgsql AS $$
  BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA monitor, public TO %I', role);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA monitor TO %I', role);
    EXECUTE format('GRANT SELECT ON public.celery_taskmeta, public.celery_tasksetmeta TO %I', role);
    EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA monitor TO %I', role);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA monitor GRANT SELECT ON TABLES TO %I', role);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA monitor GRANT EXECUTE ON FUNCTIONS TO %I', role);${more}
  END $$`
