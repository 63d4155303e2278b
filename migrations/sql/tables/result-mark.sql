-- Bodies of chords whose results are wanted, as the messages of others tell: their own do not, on RabbitMQ.
CREATE TABLE IF NOT EXISTS monitor.result_mark (
  task_id   text NOT NULL,
  marked_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT result_mark_pkey PRIMARY KEY (task_id)
);
