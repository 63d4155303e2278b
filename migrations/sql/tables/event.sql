-- Each event, by the UTC day on which it happened by the clock of its sender, so that a copy meets its twin; digest is a
-- hash of the whole event, by which a second delivery is recognised.
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
