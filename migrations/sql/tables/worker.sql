-- One row a worker name: its last sign of life. Heartbeats change a row every few seconds: no index but the key, and room
-- in the page for new versions. drift_s: how far the worker's clock is behind.
CREATE TABLE IF NOT EXISTS monitor.worker (
  hostname          text NOT NULL,
  pid               integer,
  software          text,
  software_version  text,
  platform          text,
  online_at         timestamptz,
  last_heartbeat_at timestamptz,
  offline_at        timestamptz,
  heartbeat_every_s double precision,
  active            integer,
  processed         bigint,
  load_average      double precision[],
  clock             bigint,
  updated_at        timestamptz NOT NULL DEFAULT now(),
  drift_s           double precision,
  CONSTRAINT worker_pkey PRIMARY KEY (hostname)
) WITH (fillfactor = 50);

-- One row a process of a worker, as several may have had its name.
--
-- By the clock of the worker: online_at, offline_at, last_heartbeat_at, idle_at (none of its tasks ran), restarted_at
-- (a new process came with the same pid, as in a container), active_at.
-- By the clock of the database: task_event_at (when it last sent an event of a task), heard_at (when anything was heard of
-- it), closed_at (when its connection was first seen closed), shared_at (when its reports showed that two living
-- processes have its name and pid).
-- connection: as the broker's management API names it. active: how many tasks it ran at active_at;
-- active_before: the same of the process that had its pid until restarted_at.
-- queues: from which it takes tasks, by its last answer; NULL: it never answered. pool: how a Python worker runs its
-- tasks (prefork, solo, …). acknowledges: when it acknowledges its tasks, by their
-- names: early or late; NULL: it did not say.
CREATE TABLE IF NOT EXISTS monitor.worker_process (
  hostname          text NOT NULL,
  pid               integer NOT NULL,
  software          text,
  online_at         timestamptz,
  last_heartbeat_at timestamptz,
  offline_at        timestamptz,
  idle_at           timestamptz,
  restarted_at      timestamptz,
  shared_at         timestamptz,
  task_event_at     timestamptz,
  heartbeat_every_s double precision,
  processed         bigint,
  connection        text,
  closed_at         timestamptz,
  heard_at          timestamptz NOT NULL DEFAULT now(),
  active            integer,
  active_at         timestamptz,
  active_before     integer,
  active_before_at  timestamptz,
  queues            text[],
  pool              text,
  acknowledges      jsonb,
  CONSTRAINT worker_process_pkey PRIMARY KEY (hostname, pid)
) WITH (fillfactor = 50);
