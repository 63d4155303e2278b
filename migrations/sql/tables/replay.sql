-- Replays. The key refuses a second replay of the same turn: of two that start at once, one fails and learns of the other.
CREATE TABLE IF NOT EXISTS monitor.replay (
  task_id      text NOT NULL,
  turn         integer NOT NULL,
  new_id       text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz,
  CONSTRAINT replay_pkey PRIMARY KEY (task_id, turn),
  CONSTRAINT replay_new_id_key UNIQUE (new_id)
);
