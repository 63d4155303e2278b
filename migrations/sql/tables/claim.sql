-- Bodies of messages that are too large for Amazon SQS (CLAIM_CHECK): the message brings the id. A row goes once no queue can
-- have the message any more.
CREATE TABLE IF NOT EXISTS monitor.claim (
  id         text NOT NULL,
  body       bytea NOT NULL,
  kept_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  CONSTRAINT claim_pkey PRIMARY KEY (id)
);

CREATE INDEX IF NOT EXISTS claim_expires_at_idx ON monitor.claim (expires_at);
