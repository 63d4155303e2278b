import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What must not be stored, for what reaches the tables without passing through a monitor's hands: absorbed results. */
export class CreateRedaction1795400071000 implements MigrationInterface {
  readonly name = 'CreateRedaction1795400071000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(TABLE)
    await runner.query(REDACTED)
    await runner.query(REDACT_TASK)
    await runner.query(TRIGGER)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER redact_task ON monitor.task;
      DROP FUNCTION monitor.redact_task();
      DROP FUNCTION monitor.redacted(jsonb, text[], text);
      DROP TABLE monitor.redaction;
    `)
  }
}

/**
 * One row a line of REDACT, as regular expressions: where the value is, as ".user.token"; of which tasks (NULL: of all,
 * results too); how text shows it (NULL: not at all).
 */
const TABLE = `
  CREATE TABLE IF NOT EXISTS monitor.redaction (
    rule  text NOT NULL,
    path  text NOT NULL,
    task  text,
    shown text,
    CONSTRAINT redaction_pkey PRIMARY KEY (rule)
  );
`

const REDACTED = `
  CREATE OR REPLACE FUNCTION monitor.redacted(value jsonb, paths text[], place text DEFAULT '') RETURNS jsonb
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
  BEGIN
    CASE jsonb_typeof(value)
      WHEN 'object' THEN
        RETURN coalesce((
          SELECT jsonb_object_agg(key, CASE
            WHEN place || '.' || key ~* ANY (paths) THEN '"[redacted]"'::jsonb
            ELSE monitor.redacted(item, paths, place || '.' || key) END)
          FROM jsonb_each(value) AS member (key, item)), value);
      WHEN 'array' THEN
        RETURN coalesce((
          SELECT jsonb_agg(CASE
            WHEN place || '.' || (at - 1) ~* ANY (paths) THEN '"[redacted]"'::jsonb
            ELSE monitor.redacted(item, paths, place || '.' || (at - 1)) END ORDER BY at)
          FROM jsonb_array_elements(value) WITH ORDINALITY AS member (item, at)), value);
      ELSE RETURN value;
    END CASE;
  END $$`

/** What messages tell was redacted before it came here; a row without a routing key is not of a message. */
const REDACT_TASK = `
  CREATE OR REPLACE FUNCTION monitor.redact_task() RETURNS trigger
  LANGUAGE plpgsql AS $$
  DECLARE
    everywhere text[];
    here text[];
    shown text[];
  BEGIN
    SELECT array_agg(rule.path) FILTER (WHERE rule.task IS NULL), array_agg(rule.path),
      array_agg(rule.shown) FILTER (WHERE rule.shown IS NOT NULL)
    INTO everywhere, here, shown
    FROM monitor.redaction AS rule WHERE rule.task IS NULL OR NEW.name ~* rule.task;
    IF here IS NULL THEN RETURN NEW; END IF;
    IF NEW.result IS NOT NULL AND everywhere IS NOT NULL THEN NEW.result := monitor.redacted(NEW.result, everywhere); END IF;
    IF NEW.routing_key IS NULL THEN
      NEW.args := monitor.redacted(NEW.args, here);
      NEW.kwargs := monitor.redacted(NEW.kwargs, here);
    END IF;
    IF jsonb_typeof(NEW.result -> 'exc_message') IS NOT NULL AND (NEW.result ->> 'exc_message') ~* ANY (shown) THEN
      NEW.result := jsonb_set(NEW.result, '{exc_message}', '["[redacted]"]');
    END IF;
    IF NEW.exception ~* ANY (shown) THEN NEW.exception := '[redacted]'; END IF;
    IF NEW.traceback ~* ANY (shown) THEN NEW.traceback := '[redacted]'; END IF;
    RETURN NEW;
  END $$`

const TRIGGER = `
  CREATE OR REPLACE TRIGGER redact_task BEFORE INSERT OR UPDATE ON monitor.task FOR EACH ROW
  WHEN (NEW.result IS NOT NULL OR NEW.exception IS NOT NULL OR NEW.traceback IS NOT NULL
    OR (NEW.routing_key IS NULL AND (NEW.args IS NOT NULL OR NEW.kwargs IS NOT NULL)))
  EXECUTE FUNCTION monitor.redact_task();
`
