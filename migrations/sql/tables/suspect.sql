-- Messages that were delivered again because their worker died, and how often they have begun since without an end.
CREATE TABLE IF NOT EXISTS monitor.suspect (
  task_id  text NOT NULL,
  retries  integer NOT NULL,
  begun    integer NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT suspect_pkey PRIMARY KEY (task_id, retries)
);

CREATE INDEX IF NOT EXISTS suspect_begun_at_idx ON monitor.suspect (begun_at);
