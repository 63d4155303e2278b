-- The last look at a queue. covered_since: since when each look found no more consumers than there were workers with
-- signs of life; NULL where the last look found more. events_from: since when no events of Python workers can be missing,
-- as RabbitMQ deletes those that wait when it restarts; NULL: none were missed.
CREATE TABLE IF NOT EXISTS monitor.queue (
  name            text NOT NULL,
  looked_at       timestamptz NOT NULL,
  messages        integer NOT NULL,
  consumers       integer,
  unacknowledged  integer,
  covered_since   timestamptz,
  events_from     timestamptz,
  CONSTRAINT queue_pkey PRIMARY KEY (name)
) WITH (fillfactor = 50);
