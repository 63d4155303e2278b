-- The scheduled-message store. One row a task id: a retry replaces the message that waited under the same id. next_at is
-- due_at, or later once the broker refused the message (problem, refused_at). recorded_at: when the monitor made a row of
-- monitor.task of it. json, not jsonb, as that keeps the order of keys: the message published later is the same.
CREATE TABLE IF NOT EXISTS monitor.scheduled (
  task_id     text NOT NULL,
  name        text,
  due_at      timestamptz NOT NULL,
  next_at     timestamptz NOT NULL,
  exchange    text NOT NULL,
  routing_key text NOT NULL,
  properties  json NOT NULL,
  headers     json NOT NULL,
  body        bytea NOT NULL,
  held_at     timestamptz NOT NULL DEFAULT now(),
  recorded_at timestamptz,
  problem     text,
  refused_at  timestamptz,
  CONSTRAINT scheduled_pkey PRIMARY KEY (task_id)
);
CREATE INDEX IF NOT EXISTS scheduled_next_at_idx ON monitor.scheduled (next_at);
CREATE INDEX IF NOT EXISTS scheduled_unrecorded_idx ON monitor.scheduled (held_at) WHERE recorded_at IS NULL;
