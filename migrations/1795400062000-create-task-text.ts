import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What a search for words looks through. */
export class CreateTaskText1795400062000 implements MigrationInterface {
  readonly name = 'CreateTaskText1795400062000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(TASK_TEXT)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION monitor.task_text(text, jsonb, jsonb, text, jsonb)')
  }
}

/** Immutable, so that whoever searches a lot can put a trigram index on it (docs/monitor.md). */
const TASK_TEXT = `
  CREATE OR REPLACE FUNCTION monitor.task_text(name text, args jsonb, kwargs jsonb, exception text, result jsonb)
  RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(name, '') || E'\\n' || coalesce(args::text, '') || E'\\n' || coalesce(kwargs::text, '') || E'\\n'
      || coalesce(exception, '') || E'\\n' || coalesce(result::text, '')
  $$`
