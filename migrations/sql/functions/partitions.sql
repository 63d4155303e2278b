-- Makes the daily partitions of a table that are missing, from yesterday on, and returns how many it made. A partition
-- is made as a table of its own and then attached: that locks the parent against other schema changes, but not against
-- the monitors that write to it. Rows of that day which the default partition received meanwhile move over.
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
    -- One at a time; a caller that has waited here finds the partition made.
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

CREATE OR REPLACE FUNCTION monitor.ensure_message_partitions(days_ahead integer) RETURNS integer
LANGUAGE sql AS $$ SELECT monitor.ensure_partitions('message', days_ahead) $$;
