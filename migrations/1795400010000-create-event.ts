import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What tasks and workers tell of themselves (celeryev), in one partition a day; and how partitions are made of any table. */
export class CreateEvent1795400010000 implements MigrationInterface {
  readonly name = 'CreateEvent1795400010000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(TABLE)
    await runner.query(PARTITIONS)
    await runner.query(`SELECT monitor.ensure_partitions('event', 7)`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION monitor.ensure_partitions(text, integer);
      DROP TABLE monitor.event;
    `)
  }
}

/**
 * `day` is the UTC day on which it happened by the clock of its sender, so that a copy meets its twin;
 * `digest` is a hash of the whole event, by which a copy that was delivered again is recognised.
 */
const TABLE = `
  CREATE TABLE IF NOT EXISTS monitor.event (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    day         date NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    happened_at timestamptz NOT NULL,
    type        text NOT NULL,
    hostname    text,
    clock       bigint,
    task_id     text,
    fields      jsonb NOT NULL,
    digest      bytea NOT NULL,
    CONSTRAINT event_pkey PRIMARY KEY (day, id),
    CONSTRAINT event_day_digest_key UNIQUE (day, digest)
  ) PARTITION BY RANGE (day);
  CREATE INDEX IF NOT EXISTS event_task_id_idx ON monitor.event (task_id);

  -- What is too old or too new for a day of its own, so that no event is ever refused.
  CREATE TABLE IF NOT EXISTS monitor.event_default PARTITION OF monitor.event DEFAULT;
`

/** As ensure_message_partitions, for any table of the schema that is cut by day. */
const PARTITIONS = `
  CREATE OR REPLACE FUNCTION monitor.ensure_partitions(parent text, days_ahead integer) RETURNS integer
  LANGUAGE plpgsql AS $$
  DECLARE
    today constant date := (now() AT TIME ZONE 'UTC')::date;
    wanted date;
    partition text;
    made integer := 0;
  BEGIN
    -- Yesterday too: what happened before midnight arrives after it.
    FOR wanted IN SELECT today + i FROM generate_series(-1, days_ahead) i LOOP
      partition := parent || '_' || to_char(wanted, 'YYYYMMDD');
      CONTINUE WHEN EXISTS (SELECT FROM pg_class
        WHERE relnamespace = 'monitor'::regnamespace AND relname = partition);
      -- One at a time; whoever waited here finds the partition made.
      PERFORM pg_advisory_xact_lock(hashtext('celery-toolbox ' || parent || ' partitions'));
      CONTINUE WHEN EXISTS (SELECT FROM pg_class
        WHERE relnamespace = 'monitor'::regnamespace AND relname = partition);
      EXECUTE format(
        'CREATE TABLE monitor.%I (LIKE monitor.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition, parent);
      EXECUTE format('LOCK TABLE monitor.%I IN ACCESS EXCLUSIVE MODE', parent || '_default');
      EXECUTE format(
        'WITH moved AS (DELETE FROM monitor.%I WHERE day = %L RETURNING *)
         INSERT INTO monitor.%I SELECT * FROM moved', parent || '_default', wanted, partition);
      EXECUTE format(
        'ALTER TABLE monitor.%I ATTACH PARTITION monitor.%I FOR VALUES FROM (%L) TO (%L)',
        parent, partition, wanted, wanted + 1);
      made := made + 1;
    END LOOP;
    RETURN made;
  END $$;
`
