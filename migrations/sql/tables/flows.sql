-- Flows: their runs, atoms, signals and jobs, and the outbox of events about them. epoch is the highest lease that has
-- written a flow: lower ones are refused. json, not jsonb, as values must come back exactly, also those that jsonb
-- refuses. A job whose run_at is infinity waits for a signal of waits_for.
CREATE TABLE IF NOT EXISTS flows.flow (
  id         text NOT NULL,
  name       text NOT NULL,
  version    text,
  state      text NOT NULL,
  meta       json NOT NULL,
  epoch      bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT flow_pkey PRIMARY KEY (id)
);
CREATE TABLE IF NOT EXISTS flows.atom (
  flow_id        text NOT NULL,
  name           text NOT NULL,
  id             text NOT NULL,
  kind           text NOT NULL,
  version        text NOT NULL,
  state          text NOT NULL,
  intention      text NOT NULL,
  results        json,
  failure        json,
  revert_results json,
  revert_failure json,
  meta           json NOT NULL,
  updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT atom_pkey PRIMARY KEY (flow_id, name),
  CONSTRAINT atom_flow_id_fkey FOREIGN KEY (flow_id) REFERENCES flows.flow (id) ON DELETE CASCADE
);
CREATE TABLE IF NOT EXISTS flows.outbox (
  id         bigint GENERATED ALWAYS AS IDENTITY,
  flow_id    text NOT NULL,
  type       text NOT NULL,
  fields     json NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT outbox_pkey PRIMARY KEY (id)
);
CREATE TABLE IF NOT EXISTS flows.signal (
  id         bigint GENERATED ALWAYS AS IDENTITY,
  flow_id    text NOT NULL,
  name       text NOT NULL,
  value      json,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT signal_pkey PRIMARY KEY (id)
);
CREATE INDEX IF NOT EXISTS signal_flow_id_idx ON flows.signal (flow_id, id);
CREATE TABLE IF NOT EXISTS flows.job (
  id            bigint GENERATED ALWAYS AS IDENTITY,
  uuid          text NOT NULL,
  board         text NOT NULL,
  name          text NOT NULL,
  flow_id       text NOT NULL,
  priority      smallint NOT NULL DEFAULT 0,
  state         text NOT NULL DEFAULT 'UNCLAIMED',
  run_at        timestamptz NOT NULL DEFAULT now(),
  schedule      text,
  waits_for     text[] NOT NULL DEFAULT '{}',
  owner         text,
  epoch         bigint NOT NULL DEFAULT 0,
  lease_until   timestamptz,
  attempts      integer NOT NULL DEFAULT 0,
  details       json NOT NULL,
  failure       json,
  is_held       boolean NOT NULL DEFAULT false,
  book_uuid     text,
  created_on    timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_modified timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT job_pkey PRIMARY KEY (id),
  CONSTRAINT job_uuid_key UNIQUE (uuid)
);
CREATE INDEX IF NOT EXISTS job_open_idx ON flows.job (board, priority DESC, id) WHERE state = 'UNCLAIMED' AND run_at < 'infinity';
CREATE INDEX IF NOT EXISTS job_run_at_idx ON flows.job (board, run_at) WHERE state = 'UNCLAIMED';
CREATE INDEX IF NOT EXISTS job_lease_idx ON flows.job (board, lease_until) WHERE state = 'CLAIMED';
CREATE INDEX IF NOT EXISTS job_flow_id_idx ON flows.job (flow_id);
CREATE TABLE IF NOT EXISTS flows.entity (
  board       text NOT NULL,
  kind        text NOT NULL,
  name        text NOT NULL,
  metadata    json NOT NULL,
  lease_until timestamptz NOT NULL,
  CONSTRAINT entity_pkey PRIMARY KEY (board, kind, name)
);
