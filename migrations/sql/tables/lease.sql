-- Leases: which process holds a job that one process may do at a time, and until when. A row stays when its lease has
-- expired: its epoch goes on from there.
CREATE TABLE IF NOT EXISTS monitor.lease (
  name        text NOT NULL,
  epoch       bigint NOT NULL,
  holder      text NOT NULL,
  acquired_at timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  CONSTRAINT lease_pkey PRIMARY KEY (name)
);
