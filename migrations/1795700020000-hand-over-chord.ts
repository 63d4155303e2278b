import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Counted chords that are handed over to `celery.chord_unlock`, which is told the members' ids. */
export class HandOverChord1795700020000 implements MigrationInterface {
  readonly name = 'HandOverChord1795700020000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(DOWN)
  }
}

const UP = `
  ALTER TABLE public.celery_toolbox_chord ADD COLUMN IF NOT EXISTS member_ids text;
  ALTER TABLE public.celery_toolbox_chord ADD COLUMN IF NOT EXISTS handed_over_at timestamp with time zone;
`

const DOWN = `
  ALTER TABLE public.celery_toolbox_chord DROP COLUMN IF EXISTS handed_over_at;
  ALTER TABLE public.celery_toolbox_chord DROP COLUMN IF EXISTS member_ids;
`
