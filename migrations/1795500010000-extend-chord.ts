import type { MigrationInterface, QueryRunner } from 'typeorm'

/** The body that a complete chord waits to see started, so that any worker can start it. */
export class ExtendChord1795500010000 implements MigrationInterface {
  readonly name = 'ExtendChord1795500010000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN)
  }
}

const UP = `
  ALTER TABLE public.celery_toolbox_chord ADD COLUMN IF NOT EXISTS body text;
  CREATE INDEX IF NOT EXISTS celery_toolbox_chord_unreleased_idx
    ON public.celery_toolbox_chord (group_id) WHERE body IS NOT NULL;
`

const DOWN = `
  DROP INDEX IF EXISTS public.celery_toolbox_chord_unreleased_idx;
  ALTER TABLE public.celery_toolbox_chord DROP COLUMN IF EXISTS body;
`
