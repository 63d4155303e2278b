-- The two tables in which Celery's own database backend keeps results, as Celery 5.7 makes them. Where Python was
-- first they stay as they are, and gain the columns and indexes that older versions lacked.

CREATE SEQUENCE IF NOT EXISTS public.task_id_sequence;
CREATE SEQUENCE IF NOT EXISTS public.taskset_id_sequence;

-- The ids have no default: Python takes them from the sequences itself, and so do we.
CREATE TABLE IF NOT EXISTS public.celery_taskmeta (
  id        integer NOT NULL,
  task_id   character varying(155),
  status    character varying(50),
  result    bytea,
  date_done timestamp without time zone,
  traceback text,
  children  bytea,
  name      character varying(155),
  args      bytea,
  kwargs    bytea,
  worker    character varying(155),
  retries   integer,
  queue     character varying(155),
  stamps    bytea,
  CONSTRAINT celery_taskmeta_pkey PRIMARY KEY (id),
  CONSTRAINT celery_taskmeta_task_id_key UNIQUE (task_id)
);
-- Celery 4 lacked all of these, and all before 5.7 lack children, which 5.7 always writes, and stamps.
ALTER TABLE public.celery_taskmeta
  ADD COLUMN IF NOT EXISTS children bytea,
  ADD COLUMN IF NOT EXISTS name     character varying(155),
  ADD COLUMN IF NOT EXISTS args     bytea,
  ADD COLUMN IF NOT EXISTS kwargs   bytea,
  ADD COLUMN IF NOT EXISTS worker   character varying(155),
  ADD COLUMN IF NOT EXISTS retries  integer,
  ADD COLUMN IF NOT EXISTS queue    character varying(155),
  ADD COLUMN IF NOT EXISTS stamps   bytea;
CREATE INDEX IF NOT EXISTS ix_celery_taskmeta_date_done ON public.celery_taskmeta (date_done);

CREATE TABLE IF NOT EXISTS public.celery_tasksetmeta (
  id         integer NOT NULL,
  taskset_id character varying(155),
  result     bytea,
  date_done  timestamp without time zone,
  CONSTRAINT celery_tasksetmeta_pkey PRIMARY KEY (id),
  CONSTRAINT celery_tasksetmeta_taskset_id_key UNIQUE (taskset_id)
);
CREATE INDEX IF NOT EXISTS ix_celery_tasksetmeta_date_done ON public.celery_tasksetmeta (date_done);
