-- Messages and events that cannot be read, and why. altered: as in monitor.message.
CREATE TABLE IF NOT EXISTS monitor.quarantine (
  id          bigint GENERATED ALWAYS AS IDENTITY,
  received_at timestamptz NOT NULL DEFAULT now(),
  queue       text,
  exchange    text,
  routing_key text,
  properties  jsonb,
  headers     jsonb,
  body        bytea NOT NULL,
  code        text NOT NULL,
  reason      text NOT NULL,
  task_id     text,
  digest      bytea,
  resolved_at timestamptz,
  altered     jsonb,
  CONSTRAINT quarantine_pkey PRIMARY KEY (id),
  CONSTRAINT quarantine_digest_key UNIQUE (digest)
);
