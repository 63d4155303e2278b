import type { MigrationInterface, QueryRunner } from 'typeorm'
import { OF_ITSELF, storedIsFurther } from './1796000020000-show-states.ts'

/** A doubt stands until there is news: the stored state in which the task was before it is none. */
export class KeepDoubts1797000030000 implements MigrationInterface {
  readonly name = 'KeepDoubts1797000030000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(STORED_IS_FURTHER)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(storedIsFurther(OF_ITSELF))
  }
}

/** As in 1796000020000; of a task in doubt what is under way is only news if it is later. */
const STORED_IS_FURTHER = `
  CREATE OR REPLACE FUNCTION monitor.stored_is_further(
    stored text, date_done timestamp, known text, known_at timestamptz, lost jsonb) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT stored IS NOT NULL AND (
      (monitor.is_further(stored, date_done AT TIME ZONE 'UTC', known, known_at)
        AND (known IS DISTINCT FROM 'UNHEARD' OR known_at IS NULL OR monitor.state_class(stored) = 2
          OR date_done AT TIME ZONE 'UTC' > known_at))
      OR (known = 'LOST' AND lost ->> 'kind' = 'never-received' AND stored <> 'PENDING'
        AND (stored <> 'RETRY' OR lost ->> 'was' = 'PENDING'))${OF_ITSELF})
  $$`
