import type { MigrationInterface, QueryRunner } from 'typeorm'

/** The counters of chords, which the database store of results keeps beside Celery's own tables. */
export class CreateChord1795300080000 implements MigrationInterface {
  readonly name = 'CreateChord1795300080000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(UP)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN)
  }
}

/** A worker that ran before the migrations has made them already. */
const UP = `
  CREATE TABLE IF NOT EXISTS public.celery_toolbox_chord (
    group_id    text NOT NULL,
    size        integer NOT NULL,
    done        integer NOT NULL DEFAULT 0,
    created_at  timestamp with time zone NOT NULL DEFAULT now(),
    released_at timestamp with time zone,
    CONSTRAINT celery_toolbox_chord_pkey PRIMARY KEY (group_id)
  );
  CREATE INDEX IF NOT EXISTS celery_toolbox_chord_created_at_idx ON public.celery_toolbox_chord (created_at);

  CREATE TABLE IF NOT EXISTS public.celery_toolbox_chord_member (
    group_id    text NOT NULL,
    task_id     text NOT NULL,
    group_index integer,
    CONSTRAINT celery_toolbox_chord_member_pkey PRIMARY KEY (group_id, task_id)
  );
`

const DOWN = `
  DROP TABLE IF EXISTS public.celery_toolbox_chord_member;
  DROP TABLE IF EXISTS public.celery_toolbox_chord;
`
