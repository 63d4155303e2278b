-- Commands to workers, and their answers, where the broker has no mailboxes (Amazon SQS). A row goes once it has expired;
-- revokes stay for as long as a message may wait in its queue, for workers that start later. Ids are committed in their
-- order: who writes holds an advisory lock.
CREATE TABLE IF NOT EXISTS monitor.control (
  id          bigint GENERATED ALWAYS AS IDENTITY,
  space       text NOT NULL,
  exchange    text NOT NULL,
  routing_key text NOT NULL,
  properties  jsonb NOT NULL,
  headers     jsonb NOT NULL,
  body        bytea NOT NULL,
  is_kept     boolean NOT NULL,
  sent_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at  timestamptz NOT NULL,
  CONSTRAINT control_pkey PRIMARY KEY (id)
);

CREATE INDEX IF NOT EXISTS control_expires_at_idx ON monitor.control (expires_at);
CREATE INDEX IF NOT EXISTS control_kept_idx ON monitor.control (space, exchange, id) WHERE is_kept;
