-- One row a task id.
--
-- state_at: when the state was reached, by the clock of its source; NULL where only a message is known.
-- follow_ups: the steps its message carries: the rest of a chain, callbacks, errbacks, the body of a chord.
-- replay_of: the task whose recorded message was published again as this one.
-- lost: the evidence that the task is lost, and how it was handled.
-- event_state, event_at: the furthest state that an event reported, and when; worker and runtime_ms are of that event.
--   state may be further still, by a stored result.
-- unheard: why nothing is known of a task that should have been heard of.
-- clash: two calls were published under this id.
-- stored_date: date_done of the stored result that is recorded, as its worker wrote it.
-- first_call: a hash of name and arguments of the call that was no retry; of several calls the least.
CREATE TABLE IF NOT EXISTS monitor.task (
  task_id      text NOT NULL,
  kind         text NOT NULL DEFAULT 'task',
  name         text,
  state        text NOT NULL DEFAULT 'PENDING',
  args         jsonb,
  kwargs       jsonb,
  options      jsonb,
  queue        text,
  routing_key  text,
  origin       text,
  lang         text,
  root_id      text,
  parent_id    text,
  group_id     text,
  eta          timestamptz,
  expires      timestamptz,
  retries      integer NOT NULL DEFAULT 0,
  published_at timestamptz,
  received_at  timestamptz,
  started_at   timestamptz,
  finished_at  timestamptz,
  runtime_ms   double precision,
  worker       text,
  result       jsonb,
  exception    text,
  traceback    text,
  creator_id   text,
  related_type text,
  related_id   text,
  is_result    boolean NOT NULL DEFAULT false,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  state_at     timestamptz,
  follow_ups   jsonb,
  replay_of    text,
  lost         jsonb,
  event_state  text,
  event_at     timestamptz,
  unheard      jsonb,
  clash        boolean,
  first_call   text,
  stored_date  timestamp,
  CONSTRAINT task_pkey PRIMARY KEY (task_id)
) WITH (fillfactor = 85);
CREATE INDEX IF NOT EXISTS task_published_at_idx ON monitor.task (published_at DESC);
-- A btree refuses keys of more than 2,704 bytes, and no row may be refused for the length of its name, owner or root:
-- names and owners are found by how they begin, and ids that are only asked for as a whole by their hash.
CREATE INDEX IF NOT EXISTS task_name_idx ON monitor.task (left(name, 200), published_at DESC);
CREATE INDEX IF NOT EXISTS task_creator_idx ON monitor.task (left(creator_id, 200), published_at DESC)
  WHERE creator_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS task_root_idx ON monitor.task USING hash (root_id);
CREATE INDEX IF NOT EXISTS task_related_to_idx ON monitor.task USING hash (related_id) WHERE related_id IS NOT NULL;

-- One index a question: everything unfinished, page by page; the content of a queue, in order of arrival; the tasks
-- that a worker runs; finished tasks without a result. They hold few rows, however many tasks there have been.
CREATE INDEX IF NOT EXISTS task_unfinished_idx ON monitor.task (task_id) WHERE monitor.state_class(state) < 2;
CREATE INDEX IF NOT EXISTS task_waiting_idx ON monitor.task (queue, published_at) WHERE monitor.state_class(state) < 2;
CREATE INDEX IF NOT EXISTS task_running_idx ON monitor.task (worker) WHERE monitor.state_class(state) = 1;
CREATE INDEX IF NOT EXISTS task_resultless_idx ON monitor.task (state_at)
  WHERE monitor.state_class(state) = 2 AND result IS NULL AND lost IS NULL
    AND (options @> '{"ignore_result": true}') IS NOT TRUE;

-- By any argument, however deep; open tasks; failed tasks. Each index costs every recorded task a little, so there is
-- none for questions that are answered by walking back from the latest task.
CREATE INDEX IF NOT EXISTS task_arguments_idx ON monitor.task USING gin (kwargs jsonb_path_ops, args jsonb_path_ops);
CREATE INDEX IF NOT EXISTS task_open_idx ON monitor.task (published_at) WHERE finished_at IS NULL;
CREATE INDEX IF NOT EXISTS task_failed_idx ON monitor.task (state, finished_at DESC)
  WHERE state IN ('FAILURE', 'REVOKED', 'REJECTED', 'IGNORED');
