import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Each mirrored publish as it was, byte for byte, in one partition a day. */
export class CreateMessage1795300030000 implements MigrationInterface {
  readonly name = 'CreateMessage1795300030000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(TABLE)
    await runner.query(PARTITIONS)
    await runner.query('SELECT monitor.ensure_message_partitions(7)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION monitor.ensure_message_partitions(integer);
      DROP TABLE monitor.message;
    `)
  }
}

/** `digest` is a hash of the whole message, by which a copy that was delivered again is recognised. */
const TABLE = `
  CREATE TABLE IF NOT EXISTS monitor.message (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    day         date NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    task_id     text,
    exchange    text NOT NULL,
    routing_key text NOT NULL,
    queue       text,
    properties  jsonb NOT NULL,
    headers     jsonb NOT NULL,
    body        bytea NOT NULL,
    digest      bytea NOT NULL,
    CONSTRAINT message_pkey PRIMARY KEY (day, id),
    CONSTRAINT message_day_digest_key UNIQUE (day, digest)
  ) PARTITION BY RANGE (day);
  CREATE INDEX IF NOT EXISTS message_task_id_idx ON monitor.message (task_id);

  -- What is too old or too new for a day of its own, so that no message is ever refused.
  CREATE TABLE IF NOT EXISTS monitor.message_default PARTITION OF monitor.message DEFAULT;
`

/**
 * A partition is made as a table of its own and then attached: that locks the parent against other schema changes,
 * but not against the monitors that write to it. Rows of that day which the default partition took meanwhile move over.
 */
const PARTITIONS = `
  CREATE OR REPLACE FUNCTION monitor.ensure_message_partitions(days_ahead integer) RETURNS integer
  LANGUAGE plpgsql AS $$
  DECLARE
    today constant date := (now() AT TIME ZONE 'UTC')::date;
    wanted date;
    partition text;
    made integer := 0;
  BEGIN
    -- Yesterday too: what was published before midnight arrives after it.
    FOR wanted IN SELECT today + i FROM generate_series(-1, days_ahead) i LOOP
      partition := 'message_' || to_char(wanted, 'YYYYMMDD');
      CONTINUE WHEN EXISTS (SELECT FROM pg_class
        WHERE relnamespace = 'monitor'::regnamespace AND relname = partition);
      -- One at a time; whoever waited here finds the partition made. (to_regclass would not: it remembers what was not there.)
      PERFORM pg_advisory_xact_lock(hashtext('celery-toolbox message partitions'));
      CONTINUE WHEN EXISTS (SELECT FROM pg_class
        WHERE relnamespace = 'monitor'::regnamespace AND relname = partition);
      EXECUTE format(
        'CREATE TABLE monitor.%I (LIKE monitor.message INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition);
      LOCK TABLE monitor.message_default IN ACCESS EXCLUSIVE MODE;
      EXECUTE format(
        'WITH moved AS (DELETE FROM monitor.message_default WHERE day = %L RETURNING *)
         INSERT INTO monitor.%I SELECT * FROM moved', wanted, partition);
      EXECUTE format(
        'ALTER TABLE monitor.message ATTACH PARTITION monitor.%I FOR VALUES FROM (%L) TO (%L)',
        partition, wanted, wanted + 1);
      made := made + 1;
    END LOOP;
    RETURN made;
  END $$;
`
