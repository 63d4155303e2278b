-- Each mirrored message as it was, by day. digest is a hash of the whole message, by which a second delivery is recognised.
-- altered: {"redacted": ["kwargs.password"]}: these values were replaced; {"dropped": 70000}: the body had so many bytes;
-- NULL: all is as it was sent.
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
  altered     jsonb,
  CONSTRAINT message_pkey PRIMARY KEY (day, id),
  CONSTRAINT message_day_digest_key UNIQUE (day, digest)
) PARTITION BY RANGE (day);
CREATE INDEX IF NOT EXISTS message_task_id_idx ON monitor.message (task_id);

-- What is too old or too new for a day of its own, so that no message is ever refused.
CREATE TABLE IF NOT EXISTS monitor.message_default PARTITION OF monitor.message DEFAULT;
