-- Counters of chords, which the database result store keeps beside Celery's own tables. A worker that ran before the
-- migrations has made them already (src/results/postgres/tables/chord-sql.ts).
CREATE TABLE IF NOT EXISTS public.celery_toolbox_chord (
  group_id       text NOT NULL,
  size           integer NOT NULL,
  done           integer NOT NULL DEFAULT 0,
  created_at     timestamp with time zone NOT NULL DEFAULT now(),
  released_at    timestamp with time zone,
  body           text,
  member_ids     text,
  handed_over_at timestamp with time zone,
  CONSTRAINT celery_toolbox_chord_pkey PRIMARY KEY (group_id)
);
CREATE INDEX IF NOT EXISTS celery_toolbox_chord_created_at_idx ON public.celery_toolbox_chord (created_at);
CREATE INDEX IF NOT EXISTS celery_toolbox_chord_unreleased_idx
  ON public.celery_toolbox_chord (group_id) WHERE body IS NOT NULL;

CREATE TABLE IF NOT EXISTS public.celery_toolbox_chord_member (
  group_id       text NOT NULL,
  task_id     text NOT NULL,
  group_index integer,
  CONSTRAINT celery_toolbox_chord_member_pkey PRIMARY KEY (group_id, task_id)
);
